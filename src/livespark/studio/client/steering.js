/** What can be asked of a run. */

import { CommandDesk, uuid } from "./commands.js";
import { LivesparkError } from "./errors.js";
import { query, request, send } from "./http.js";

/**
 * @typedef {import("./types.js").Answer} Answer
 * @typedef {import("./types.js").Command} Command
 */

/** The asking half of a run; `LiveRun` adds the following half. */
export class Steering {
  /** What the server says of the run. @type {import("./types.js").Run | null} */
  info = null;

  /**
   * @param {import("./http.js").Connection} http
   * @param {string} id
   */
  constructor(http, id) {
    this.http = http;
    this.id = id;
    this.desk = new CommandDesk(http, id);
  }

  /** The path of the run in the HTTP API. */
  get path() {
    return `/api/runs/${encodeURIComponent(this.id)}`;
  }

  /** Change one exposed value; resolves once it is applied. @param {string} path @param {any} value */
  set(path, value) {
    return this.desk.set({ [path]: value });
  }

  /** Call an exposed function; resolves with its result. @param {string} name @param {...any} args */
  call(name, ...args) {
    return this.desk.call(name, args);
  }

  pause() {
    return this.desk.applied({ kind: "pause" });
  }

  resume() {
    return this.desk.applied({ kind: "resume" });
  }

  stop({ cancel = false } = {}) {
    return this.desk.applied({ kind: "stop", cancel });
  }

  /**
   * Take the code that is on disk now and keep the state; resolves once it is applied.
   *
   * @param {Omit<import("./types.js").Reload, "kind">} [options]
   */
  reload(options = {}) {
    return this.desk.applied({ kind: "reload", ...options });
  }

  /**
   * Send new code, from anywhere: the script's whole text, or texts by path; resolves once it is applied.
   *
   * @param {string | Record<string, string>} source
   * @param {{skip?: boolean, clear?: string[]}} [options]
   */
  async requestHotReload(source, options = {}) {
    const files = typeof source === "string" ? { [await this.#script()]: source } : source;
    return this.reload({ ...options, files });
  }

  /**
   * The files that run: now, at a step, or at the event number `at`.
   *
   * @param {{step?: number | null, at?: number | null}} [options]
   * @returns {Promise<import("./types.js").CodeFile[]>}
   */
  async code(options = {}) {
    return (await request(this.http, "GET", `${this.path}/code${query(options)}`)).files;
  }

  /** The text of a version that `code` or a reload names. @param {string} hash @returns {Promise<string>} */
  async text(hash) {
    return (await request(this.http, "GET", `${this.path}/code/${encodeURIComponent(hash)}`)).text;
  }

  /** Any command; resolves with its answer, whatever it is. @param {Command} command @returns {Promise<Answer>} */
  ask(command) {
    return this.desk.ask(command);
  }

  /**
   * Save the run's state; resolves once it is durable. One with a label stays for ever.
   *
   * @param {string} [label]
   * @returns {Promise<import("./types.js").SnapshotInfo>}
   */
  async snapshot(label = "") {
    return (await this.desk.applied({ kind: "snapshot", label })).value;
  }

  /** The snapshots on disk, oldest first. @returns {Promise<import("./types.js").SnapshotInfo[]>} */
  async snapshots() {
    return (await request(this.http, "GET", `${this.path}/snapshots`)).snapshots;
  }

  /** What a snapshot holds. @param {number} number @returns {Promise<import("./types.js").SnapshotDetail>} */
  snapshotDetail(number) {
    return request(this.http, "GET", `${this.path}/snapshots/${number}`);
  }

  /**
   * Put the state of a snapshot back and go on from there; resolves once it is applied.
   *
   * @param {Omit<import("./types.js").Rewind, "kind">} [options]
   */
  rewind(options = {}) {
    return this.desk.rewind(options);
  }

  /** Delete a snapshot from disk. @param {number} number */
  async removeSnapshot(number) {
    await request(this.http, "DELETE", `${this.path}/snapshots/${number}`);
  }

  /**
   * A snapshot as a tar archive, its bytes not read yet. The token goes in a header, so no address gives it away.
   *
   * @param {number} number
   * @param {{signal?: AbortSignal}} [options]
   * @returns {Promise<Response>}
   */
  downloadSnapshot(number, options = {}) {
    return send(this.http, "GET", `${this.path}/snapshots/${number}/download`, options);
  }

  /**
   * Start a new run from a snapshot, with the code that is on disk now.
   *
   * @param {import("./types.js").ForkOptions} [options]
   * @returns {Promise<import("./types.js").Run>}
   */
  fork({ key = uuid(), ...options } = {}) {
    return request(this.http, "POST", `${this.path}/fork`, { body: { key, ...options } });
  }

  /** The path of the script. */
  async #script() {
    const { entry } = this.info ?? /** @type {import("./types.js").Run} */ (await request(this.http, "GET", this.path));
    if (entry.script) return entry.script;
    throw new LivesparkError("the run executes a module, not a script: say which files the texts are for, by path");
  }
}
