/** A run as it is followed: what it shows, and what happens in it. */

import { request } from "./http.js";
import { emptyDoc, merge } from "./live.js";
import { decodeNode } from "./nodes.js";
import { Steering } from "./steering.js";
import { EventStream } from "./stream.js";

/**
 * @typedef {import("./types.js").Stored} Stored
 * @typedef {import("./types.js").StreamMessage} StreamMessage
 *
 * @typedef {object} Listeners Whoever follows; all optional. An error thrown here is reported and hurts nobody.
 * @property {(run: LiveRun) => void} [change] Anything of `info`, `live` or `connection` is new.
 * @property {(stored: Stored) => void} [event] In order, from the first one asked for; none twice, none left out.
 * @property {(output: import("./types.js").Output) => void} [output]
 * @property {(gap: {first: number, last: number}) => void} [gap] These events are gone for good.
 * @property {() => void} [reset] Forget all events; they come again from the first one kept.
 *
 * @typedef {object} UseOptions
 * @property {string} [after] A cursor: only events behind it. Default: all of them.
 * @property {number} [output] From which byte on the script's output is wanted. Default: not at all.
 * @property {Partial<import("./reconnect.js").Reconnect>} [reconnect]
 */

export class LiveRun extends Steering {
  /** What the run shows right now; `get` is more convenient. */
  live = emptyDoc();

  /** @type {import("./stream.js").Connection} */
  connection = { phase: "connecting" };

  /** Why the server can't commit what the run reports; empty while it can. */
  trouble = "";

  /** The last event known, as `<epoch>-<seq>`. */
  cursor = "";

  /** The end of the output known, in bytes. */
  outputEnd = 0;

  /** @type {EventStream | null} */
  #stream = null;
  /** @type {Listeners[]} */
  #listeners = [];
  #ended = false;
  /** The newest status event seen. @type {Stored | null} */
  #status = null;

  /**
   * @param {import("./http.js").Connection} http
   * @param {string} id
   * @param {UseOptions} [options]
   */
  constructor(http, id, { after = "", output, reconnect = {} } = {}) {
    super(http, id);
    this.cursor = after;
    this.outputEnd = output ?? 0;
    this.wantsOutput = output !== undefined;
    this.reconnect = reconnect;
    this.connect();
  }

  /** An exposed value as JavaScript holds it. @param {string} path */
  get(path) {
    return decodeNode(this.live.values[path]);
  }

  /**
   * Calls `listener(run)` on every change. Returns the function that ends it.
   *
   * @param {(run: LiveRun) => void} listener
   */
  onChange(listener) {
    return this.listen({ change: listener });
  }

  /** Returns the function that ends it. @param {Listeners} listeners */
  listen(listeners) {
    this.#listeners.push(listeners);
    return () => void (this.#listeners = this.#listeners.filter((other) => other !== listeners));
  }

  /** Leave the stream for a while; `connect` goes on where it was left. */
  suspend() {
    this.#stream?.close();
    this.#stream = null;
  }

  /** Goes on after `suspend`; without waiting when the connection is down. */
  connect() {
    if (this.#ended) return;
    if (this.#stream) this.#stream.retryNow();
    else this.#stream = new EventStream(this.http, this.#owner(), this.reconnect);
    if (!this.info) void this.#fetchInfo();
  }

  async #fetchInfo() {
    try {
      this.#know(await request(this.http, "GET", this.path));
      this.#tell("change", this);
    } catch {
      // whatever is wrong, the stream meets it, too, and says so
    }
  }

  close() {
    this.#ended = true;
    this.suspend();
    this.desk.close();
  }

  /** @returns {import("./stream.js").Owner} */
  #owner() {
    const current = () => this.#stream?.owner === owner;
    const owner = {
      path: () => `${this.path}/events${this.wantsOutput ? `?output=${this.outputEnd}` : ""}`,
      lastId: () => this.cursor,
      message: (/** @type {import("./sse.js").Message} */ message) => {
        if (current()) this.#receive(JSON.parse(message.data), message.id);
      },
      connection: (/** @type {import("./stream.js").Connection} */ connection) => {
        if (current()) this.#connected(connection);
      },
    };
    return owner;
  }

  /** @param {import("./stream.js").Connection} connection */
  #connected(connection) {
    if (this.#ended) return;
    this.connection = connection;
    if (connection.phase === "open") {
      this.trouble = "";
      this.desk.check();
    }
    this.#tell("change", this);
  }

  /**
   * @param {StreamMessage} message
   * @param {string} id
   */
  #receive(message, id) {
    if (message.is === "event") return this.#happened(message, id);
    if (message.is === "output") return this.#wrote(message.output);
    if (message.is === "gap") return this.#tell("gap", message);
    if (message.is === "live") merge(this.live, message.live);
    if (message.is === "trouble") this.trouble = message.text;
    if (message.is === "reset") this.#reset(message.run);
    if (message.is === "end") this.#end(message.run);
    return this.#tell("change", this);
  }

  /**
   * @param {Stored} stored
   * @param {string} id
   */
  #happened(stored, id) {
    this.cursor = id;
    const { event } = stored;
    if (event.type === "answered") this.desk.settle(event.id, event.answer);
    if (event.type === "status") this.#changed(stored);
    if (this.info && stored.seq > (this.info.last_seq ?? 0)) this.info.last_seq = stored.seq;
    this.#tell("event", stored);
  }

  /** @param {Stored} stored */
  #changed(stored) {
    this.#status = stored;
    if (this.info && this.#apply(this.info, stored)) this.#tell("change", this);
  }

  /**
   * A status event newer than the run's record as it was fetched changes it.
   *
   * @param {import("./types.js").Run} info
   * @param {Stored} stored
   */
  #apply(info, { seq, time, event }) {
    if (event.type !== "status" || seq <= (info.last_seq ?? 0)) return false;
    const started = info.started ?? (event.state === "running" ? time : null);
    this.info = {
      ...info,
      state: event.state,
      reason: event.reason ?? "",
      error: event.error ?? null,
      started,
      last_seq: seq,
    };
    return true;
  }

  /** @param {import("./types.js").Output} output */
  #wrote(output) {
    this.outputEnd = output.end;
    this.#tell("output", output);
  }

  /** @param {import("./types.js").Run} run */
  #reset(run) {
    this.cursor = "";
    this.#status = null;
    this.#know(run);
    this.#tell("reset", undefined);
  }

  /** @param {import("./types.js").Run} run */
  #end(run) {
    this.#know(run);
    this.desk.check();
    this.suspend();
    this.#ended = true;
    this.connection = { phase: "closed", error: null };
  }

  /** Take the run's record, unless the stream was faster. @param {import("./types.js").Run} run */
  #know(run) {
    this.info = run;
    if (this.#status) this.#apply(run, this.#status);
  }

  /**
   * @param {keyof Listeners} kind
   * @param {any} value
   */
  #tell(kind, value) {
    for (const listener of this.#listeners) {
      try {
        listener[kind]?.(value);
      } catch (error) {
        reportError(error);
      }
    }
  }
}
