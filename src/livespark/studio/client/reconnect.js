/** When and whether to connect again; decisions only, no clock and no network. Times in milliseconds. */

/**
 * @typedef {object} Reconnect
 * @property {number} initial First delay.
 * @property {number} factor Growth per failure in a row.
 * @property {number} maximum Longest delay.
 * @property {number} jitter Part by which a delay may differ either way.
 * @property {number} idle So long without a byte is a broken connection. Heartbeats come every 15 seconds.
 */

/** @type {Reconnect} */
export const RECONNECT = { initial: 500, factor: 2, maximum: 30_000, jitter: 0.25, idle: 45_000 };

const RETRYABLE = new Set([408, 425, 429, 500, 502, 503, 504]);

/**
 * What a response's head means for the stream: read it, try again later, or never again.
 *
 * @param {number} status
 * @param {string} contentType
 * @returns {"read" | "retry" | "end"}
 */
export function verdict(status, contentType) {
  if (status === 200 && /^text\/event-stream\s*(;|$)/i.test(contentType)) return "read";
  return RETRYABLE.has(status) ? "retry" : "end";
}

/**
 * How long to wait. `failures` in a row (0: the last stream delivered something); what the server asked for is the
 * least.
 *
 * @param {Reconnect} policy
 * @param {number} failures
 * @param {number} asked
 * @param {number} random from 0 to 1
 * @returns {number}
 */
export function delay(policy, failures, asked, random) {
  const grown = policy.initial * policy.factor ** Math.min(Math.max(failures - 1, 0), 30);
  const jittered = grown * (1 + policy.jitter * (2 * random - 1));
  return Math.max(Math.min(jittered, policy.maximum), Math.min(asked, policy.maximum));
}

/**
 * Milliseconds that a Retry-After header asks for; 0 when it says nothing we understand.
 *
 * @param {string | null} header
 * @param {number} now Unix milliseconds
 * @returns {number}
 */
export function retryAfter(header, now) {
  if (!header) return 0;
  if (/^[0-9]+$/.test(header)) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? 0 : Math.max(0, date - now);
}
