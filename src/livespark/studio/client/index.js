/**
 * The Livespark client for browsers and Node: one module, no dependencies.
 *
 *     import { connect } from "./client/index.js";
 *     const run = connect({ server: "http://127.0.0.1:4280", token }).use("quiet-otter");
 *     run.onChange(() => console.log(run.get("state.loss")));
 *     await run.set("optimizer.lr", 3e-4);
 *     console.log(await run.call("evaluate"));
 */

import { query, request } from "./http.js";
import { LiveRun } from "./run.js";

export { uuid } from "./commands.js";
export {
  CallFailed,
  CommandRefused,
  LivesparkError,
  OutcomeUnknown,
  RequestRefused,
  ServerUnavailable,
} from "./errors.js";
export { decodeNode, decodeNumber, encodeNode, tagOf } from "./nodes.js";
export { joinPath, splitPath } from "./paths.js";
export { SseParser } from "./sse.js";
export { LiveRun };

/**
 * @typedef {object} ConnectOptions
 * @property {string} [server] Where it is, such as "http://127.0.0.1:4280". Default: where this page came from.
 * @property {string} [token]
 * @property {typeof globalThis.fetch} [fetch] Another implementation.
 */

/**
 * A client of one server. Sends nothing yet.
 *
 * @param {ConnectOptions} [options]
 */
export function connect(options = {}) {
  return new Client(options);
}

export class Client {
  /** @param {ConnectOptions} options */
  constructor({ server = "", token = "", fetch = globalThis.fetch.bind(globalThis) }) {
    this.http = { server: server.replace(/\/+$/, ""), token, fetch };
  }

  /**
   * Any request of the HTTP API.
   *
   * @param {string} method
   * @param {string} path from "/api" on
   * @param {unknown} [body]
   * @returns {Promise<any>}
   */
  request(method, path, body) {
    return request(this.http, method, path, { body });
  }

  /**
   * The runs, newest first.
   *
   * @param {{alive?: boolean, before?: number, limit?: number}} [options]
   * @returns {Promise<{runs: import("./types.js").Run[], next: number | null}>}
   */
  runs(options = {}) {
    return this.request("GET", `/api/runs${query(options)}`);
  }

  /** @param {string} run @returns {Promise<import("./types.js").Run>} */
  run(run) {
    return this.request("GET", `/api/runs/${encodeURIComponent(run)}`);
  }

  /**
   * A page of what the script wrote, from byte `after` on.
   *
   * @param {string} run
   * @param {{after?: number, limit?: number}} [options]
   * @returns {Promise<{outputs: import("./types.js").Output[], end: number}>}
   */
  output(run, options = {}) {
    return this.request("GET", `/api/runs/${encodeURIComponent(run)}/output${query(options)}`);
  }

  /**
   * A page of metric columns, of the events behind number `after`.
   *
   * @param {string} run
   * @param {{names?: string, after?: number, limit?: number}} [options]
   */
  metrics(run, options = {}) {
    return this.request("GET", `/api/runs/${encodeURIComponent(run)}/metrics${query(options)}`);
  }

  /**
   * Follow a run. Close it when done.
   *
   * @param {string} run
   * @param {import("./run.js").UseOptions} [options]
   */
  use(run, options = {}) {
    return new LiveRun(this.http, run, options);
  }
}
