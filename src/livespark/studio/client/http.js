/** JSON requests to the server, with its one error shape. */

import { RequestRefused, ServerUnavailable } from "./errors.js";
import { retryAfter } from "./reconnect.js";

export const PROTOCOL = "1";

/**
 * @typedef {{status: number, code?: string, detail?: string, data?: unknown}} Problem
 * @typedef {{server: string, token: string, fetch: typeof globalThis.fetch}} Connection
 */

/**
 * @param {Connection} connection
 * @returns {Record<string, string>}
 */
export function headersOf({ token }) {
  return { ...(token && { Authorization: `Bearer ${token}` }), "Livespark-Protocol": PROTOCOL };
}

/**
 * One request. Throws RequestRefused for a problem, ServerUnavailable when no answer came.
 *
 * @param {Connection} connection
 * @param {string} method
 * @param {string} path from "/api" on
 * @param {{body?: unknown, signal?: AbortSignal}} [options]
 * @returns {Promise<any>}
 */
export async function request(connection, method, path, { body, signal } = {}) {
  const response = await send(connection, method, path, { body, signal });
  return response.status === 204 ? null : reach(() => response.json(), signal);
}

/**
 * One request whose answer's body is left to be read, as JSON or as a stream. Throws as `request`.
 *
 * @param {Connection} connection
 * @param {string} method
 * @param {string} path
 * @param {{body?: unknown, signal?: AbortSignal}} [options]
 * @returns {Promise<Response>}
 */
export async function send(connection, method, path, { body, signal } = {}) {
  const headers = { ...headersOf(connection), ...(body !== undefined && { "Content-Type": "application/json" }) };
  const init = { method, headers, body: JSON.stringify(body), signal, cache: /** @type {const} */ ("no-store") };
  const response = await reach(() => connection.fetch(connection.server + path, init), signal);
  if (!response.ok) throw await refusal(response);
  return response;
}

/**
 * The error for an answer of status 400 and above.
 *
 * @param {Response} response
 * @returns {Promise<RequestRefused>}
 */
export async function refusal(response) {
  const wait = retryAfter(response.headers.get("Retry-After"), Date.now());
  const problem = /** @type {Problem} */ (await response.json().catch(() => ({})));
  const detail = problem.detail ?? `the server answered ${response.status} ${response.statusText}`.trim();
  return new RequestRefused(detail, { ...problem, status: response.status, retryAfter: wait || null });
}

/**
 * @template T
 * @param {() => Promise<T>} action
 * @param {AbortSignal} [signal]
 * @returns {Promise<T>}
 */
async function reach(action, signal) {
  try {
    return await action();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ServerUnavailable("the server can't be reached", { cause: error });
  }
}

/**
 * What stands behind a path: "?a=1&b=2", or nothing. What is undefined or null is left out.
 *
 * @param {Record<string, unknown>} options
 */
export function query(options) {
  const given = Object.entries(options).filter(([, value]) => value !== undefined && value !== null);
  const text = String(new URLSearchParams(given.map(([key, value]) => [key, String(value)])));
  return text && `?${text}`;
}
