/** Numbers, times and values as people read them. */

import { decodeNode, tagOf } from "../client/index.js";

const WHOLE = new Intl.NumberFormat("en-US");
const SIGNIFICANT = 5;
const FOREVER = 1000 * 86400;

/** @param {number | null | undefined} count */
export function whole(count) {
  return count === null || count === undefined ? "–" : WHOLE.format(Math.round(count));
}

/**
 * A number in at most five significant digits, never longer than ten characters or so.
 *
 * @param {number | bigint} value
 * @param {number} [digits]
 */
export function number(value, digits = SIGNIFICANT) {
  if (typeof value === "bigint") return String(value);
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return WHOLE.format(value).replace("-", "−");
  const size = Math.abs(value);
  if (size >= 10 ** digits && size < 1e7) return WHOLE.format(Math.round(value)).replace("-", "−");
  const text =
    size >= 1e-4 && size < 1e7 ? trimmed(value.toPrecision(digits)) : trimmed(value.toExponential(digits - 1));
  return text.replace("-", "−").replace("e−", "e-").replace("e+", "e");
}

/**
 * A number that changes all the time: always as many digits, so that it stands still; round ones stay short.
 *
 * @param {number} value
 */
export function steady(value) {
  const size = Math.abs(value);
  const long = Number.isFinite(value) && size >= 1e-3 && size < 1e4 && Number(value.toPrecision(2)) !== value;
  return long && !Number.isInteger(value) ? value.toPrecision(4).replace("-", "−") : number(value, 4);
}

/** A number as a person would type it; reading it gives exactly the same number. @param {number | bigint} value */
export function typed(value) {
  if (typeof value === "bigint") return String(value);
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  return String(value).replace("e+", "e");
}

/** @param {string} text */
function trimmed(text) {
  return text.includes("e") ? text.replace(/\.?0*e/, "e") : text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

/** Seconds as 0:41, 12:07 or 3:02:11; days beyond. @param {number} seconds */
export function duration(seconds) {
  if (!(seconds < FOREVER)) return "for ever";
  const total = Math.max(0, Math.round(seconds));
  const [days, hours, minutes] = [
    Math.floor(total / 86400),
    Math.floor(total / 3600) % 24,
    Math.floor(total / 60) % 60,
  ];
  const two = (/** @type {number} */ part) => String(part).padStart(2, "0");
  if (days) return `${days} d ${hours} h`;
  return hours ? `${hours}:${two(minutes)}:${two(total % 60)}` : `${minutes}:${two(total % 60)}`;
}

/** @param {number | null | undefined} unix */
export function clock(unix) {
  return unix ? new Date(unix * 1000).toLocaleTimeString("en-GB") : "–";
}

/** @param {number | null | undefined} unix */
export function moment(unix) {
  if (!unix) return "–";
  const date = new Date(unix * 1000);
  const day = date.toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" });
  return `${day}, ${date.toLocaleTimeString("en-GB")}`;
}

/** @param {number} rate per second */
export function perSecond(rate) {
  if (rate >= 10) return `${whole(rate)}/s`;
  if (rate >= 0.1) return `${number(rate, 2)}/s`;
  return rate > 1 / 60 ? `${number(1 / rate, 2)} s each` : `${duration(1 / rate)} each`;
}

/** One line for any node: scalars as they are, containers by their size. @param {any} node @param {number} [limit] */
export function brief(node, limit = 80) {
  const value = decodeNode(node);
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "number" || typeof value === "bigint") return number(value);
  if (typeof value === "string") return cut(JSON.stringify(value), limit);
  const tag = tagOf(node);
  return tag ? tagged(node, tag) : cut(JSON.stringify(node), limit);
}

/** @param {any} node @param {string} tag */
function tagged(node, tag) {
  if (tag === "array") return `${node.dtype} ${shape(node.shape)}`;
  if (tag === "text") return node.v;
  if (tag === "bytes") return `${whole(node.n)} bytes`;
  if (tag === "module") return `${node.type}, ${whole(node.parameters)} parameters`;
  if (tag === "cut") return CUTS[node.why] ?? "not shown";
  return `${node.type ?? tag} of ${whole(node.n)}`;
}

const CUTS = /** @type {Record<string, string>} */ ({
  budget: "more than is shown",
  cycle: "a cycle: shown above",
  depth: "too deep to show",
  error: "could not be read",
});

/** @param {number[]} sizes */
export function shape(sizes) {
  return sizes.length ? sizes.map(whole).join(" × ") : "scalar";
}

/** @param {string} text @param {number} limit */
export function cut(text, limit) {
  return text.length > limit ? `${text.slice(0, limit - 1)}…` : text;
}
