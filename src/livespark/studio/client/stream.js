/**
 * One resumable stream: connects, reads, and connects again until it is closed or there is nothing to come back for.
 * Where to go on is the owner's business: it is asked for the address at every connection.
 */

import { RequestRefused } from "./errors.js";
import { headersOf, refusal } from "./http.js";
import { RECONNECT, delay, retryAfter, verdict } from "./reconnect.js";
import { SseParser } from "./sse.js";

/**
 * @typedef {import("./sse.js").Message} Message
 * @typedef {{phase: "connecting"} | {phase: "open"} | {phase: "waiting", until: number}
 *   | {phase: "closed", error: Error | null}} Connection `until` in Unix milliseconds.
 *
 * @typedef {object} Owner
 * @property {() => string} path The path and query to read from, now.
 * @property {() => string} lastId The Last-Event-ID to send, or "".
 * @property {(message: Message) => void} message
 * @property {(connection: Connection) => void} connection
 */

const SLICE = 8;

export class EventStream {
  #closed = new AbortController();
  #failures = 0;
  #asked = 0;
  #wake = () => {};

  /**
   * @param {import("./http.js").Connection} http
   * @param {Owner} owner
   * @param {Partial<import("./reconnect.js").Reconnect>} [policy]
   */
  constructor(http, owner, policy = {}) {
    this.http = http;
    this.owner = owner;
    this.policy = { ...RECONNECT, ...policy };
    this.done = this.#run();
  }

  close() {
    this.#closed.abort();
    this.#wake();
  }

  /** Do not wait any longer: try now. */
  retryNow() {
    this.#wake();
  }

  async #run() {
    await Promise.resolve();
    while (!this.#closed.signal.aborted) {
      this.owner.connection({ phase: "connecting" });
      const error = await this.#connect();
      if (error) return this.owner.connection({ phase: "closed", error });
      if (!this.#closed.signal.aborted) await this.#wait();
    }
    return this.owner.connection({ phase: "closed", error: null });
  }

  async #wait() {
    const pause = delay(this.policy, this.#failures, this.#asked, Math.random());
    this.owner.connection({ phase: "waiting", until: Date.now() + pause });
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, pause);
      this.#wake = () => (clearTimeout(timer), resolve(undefined));
    });
  }

  /** One connection, to its end. Returns the error that ends all trying. @returns {Promise<Error | null>} */
  async #connect() {
    const attempt = new AbortController();
    const stop = () => attempt.abort();
    this.#closed.signal.addEventListener("abort", stop);
    const watchdog = new Watchdog(this.policy.idle, stop);
    this.#failures += 1;
    try {
      const response = await this.#open(attempt.signal);
      watchdog.feed();
      const meaning = verdict(response.status, response.headers.get("Content-Type") ?? "");
      if (meaning === "read") await this.#read(response, watchdog);
      else return await this.#turnedAway(response, meaning);
    } catch {
      return null; // network errors, cuts and the watchdog: all the same case
    } finally {
      watchdog.stop();
      attempt.abort();
      this.#closed.signal.removeEventListener("abort", stop);
    }
    return null;
  }

  /** @param {AbortSignal} signal */
  #open(signal) {
    const lastId = this.owner.lastId();
    const headers = {
      ...headersOf(this.http),
      Accept: "text/event-stream",
      ...(lastId && { "Last-Event-ID": lastId }),
    };
    return this.http.fetch(this.http.server + this.owner.path(), { headers, signal, cache: "no-store" });
  }

  /**
   * @param {Response} response
   * @param {"retry" | "end"} meaning
   */
  async #turnedAway(response, meaning) {
    this.#asked = retryAfter(response.headers.get("Retry-After"), Date.now());
    if (meaning === "retry") return null;
    if (response.ok) return new RequestRefused("the server ended the stream", { status: response.status });
    return refusal(response);
  }

  /**
   * @param {Response} response
   * @param {Watchdog} watchdog
   */
  async #read(response, watchdog) {
    this.owner.connection({ phase: "open" });
    const parser = new SseParser();
    const reader = /** @type {ReadableStream<Uint8Array>} */ (response.body).getReader();
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
      watchdog.feed();
      this.#failures = 0;
      await this.#deliver(parser.feed(chunk.value));
      this.#asked = parser.retry ?? 0;
    }
  }

  /** Messages one by one; a long backlog leaves the thread free in between. @param {Message[]} messages */
  async #deliver(messages) {
    let since = performance.now();
    for (const message of messages) {
      if (this.#closed.signal.aborted) return;
      this.owner.message(message);
      if (performance.now() - since > SLICE) {
        await new Promise((resolve) => setTimeout(resolve));
        since = performance.now();
      }
    }
  }
}

/** Calls `bark` when it was not fed for `patience` milliseconds. */
class Watchdog {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {number} patience
   * @param {() => void} bark
   */
  constructor(patience, bark) {
    this.patience = patience;
    this.bark = bark;
    this.feed();
  }

  feed() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.bark, this.patience);
  }

  stop() {
    clearTimeout(this.#timer);
  }
}
