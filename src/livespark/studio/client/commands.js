/** Asks for things under ids of its own and sees that each gets its one answer, whatever happens in between. */

import { CallFailed, CommandRefused, OutcomeUnknown, RequestRefused } from "./errors.js";
import { request } from "./http.js";
import { decodeNode, encodeNode } from "./nodes.js";
import { RECONNECT, delay } from "./reconnect.js";

/**
 * @typedef {import("./types.js").Answer} Answer
 * @typedef {import("./types.js").Command} Command
 * @typedef {import("./types.js").CommandRecord} CommandRecord
 * @typedef {{resolve: (answer: Answer) => void, reject: (error: unknown) => void}} Waiting
 */

const RETRYABLE = new Set([408, 425, 429, 500, 502, 503, 504]);

export class CommandDesk {
  /** @type {Map<string, Waiting>} */
  #waiting = new Map();
  #closed = new AbortController();

  /**
   * @param {import("./http.js").Connection} http
   * @param {string} run
   */
  constructor(http, run) {
    this.http = http;
    this.path = `/api/runs/${encodeURIComponent(run)}/commands`;
  }

  /**
   * Resolves with the command's answer. Rejects when the server turns the command away. Lost requests are repeated
   * under the same id, so nothing is done twice.
   *
   * @param {Command} command
   * @returns {Promise<Answer>}
   */
  ask(command) {
    const id = uuid();
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      void this.#send("POST", this.path, id, { id, command });
    });
  }

  /**
   * Resolves with the answer of an applied command; rejects with the reason of any other.
   *
   * @param {Command} command
   * @returns {Promise<Answer>}
   */
  async applied(command) {
    const answer = await this.ask(command);
    if (answer.outcome === "applied") return answer;
    if (answer.outcome === "refused") throw new CommandRefused(answer.message ?? "");
    if (answer.outcome === "failed" && answer.error) throw new CallFailed(answer.error);
    throw new OutcomeUnknown(answer.message || "the worker died before it answered; nobody knows whether it was done");
  }

  /** @param {Record<string, any>} values */
  set(values) {
    return this.applied({ kind: "set", values: mapValues(values) });
  }

  /**
   * @param {string} name
   * @param {any[]} [args]
   * @param {Record<string, any>} [kwargs]
   */
  async call(name, args = [], kwargs = {}) {
    const command = {
      kind: /** @type {const} */ ("call"),
      function: name,
      args: args.map(encodeNode),
      kwargs: mapValues(kwargs),
    };
    return decodeNode((await this.applied(command)).value);
  }

  /**
   * @param {Omit<import("./types.js").Rewind, "kind">} options
   */
  rewind({ values = {}, ...options }) {
    return this.applied({ kind: "rewind", ...options, values: mapValues(values) });
  }

  /** An answer arrived by the stream. @param {string} id @param {Answer} answer */
  settle(id, answer) {
    this.#waiting.get(id)?.resolve(answer);
    this.#waiting.delete(id);
  }

  /** Look for answers that the stream may not bring any more. */
  check() {
    for (const id of this.#waiting.keys()) void this.#send("GET", `${this.path}/${id}`, id);
  }

  close() {
    this.#closed.abort();
    for (const { reject } of this.#waiting.values()) reject(new OutcomeUnknown("closed before the answer came"));
    this.#waiting.clear();
  }

  /**
   * @param {"GET" | "POST"} method
   * @param {string} path
   * @param {string} id
   * @param {unknown} [body]
   */
  async #send(method, path, id, body) {
    try {
      const record = await this.#persistently(() =>
        request(this.http, method, path, { body, signal: this.#closed.signal }),
      );
      if (record?.answer) this.settle(id, record.answer);
    } catch (error) {
      if (method === "GET" && error instanceof RequestRefused) return; // the POST speaks for itself
      this.#waiting.get(id)?.reject(error);
      this.#waiting.delete(id);
    }
  }

  /**
   * @param {() => Promise<CommandRecord>} action
   * @returns {Promise<CommandRecord | null>}
   */
  async #persistently(action) {
    for (let failures = 1; !this.#closed.signal.aborted; failures += 1) {
      try {
        return await action();
      } catch (error) {
        if (error instanceof RequestRefused && !RETRYABLE.has(error.status)) throw error;
        const asked = error instanceof RequestRefused ? (error.retryAfter ?? 0) : 0;
        await new Promise((resolve) => setTimeout(resolve, delay(RECONNECT, failures, asked, Math.random())));
      }
    }
    return null;
  }
}

/** @param {Record<string, any>} values */
function mapValues(values) {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, encodeNode(value)]));
}

/** A random UUID, also where `crypto.randomUUID` is missing: on pages without TLS. */
export function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
