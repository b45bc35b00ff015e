/** From what people type to nodes, by the shape of the place it is for. */

import { decodeNode, encodeNode } from "../../client/index.js";
import { typed } from "../format.js";

/** @typedef {import("../../client/types.js").Shape} Shape */
/** @typedef {{node: any} | {error: string}} Parsed */

const WORDS = /** @type {Record<string, number>} */ ({
  nan: NaN,
  inf: Infinity,
  "+inf": Infinity,
  "-inf": -Infinity,
  infinity: Infinity,
  "-infinity": -Infinity,
});
const FITTING = 10;
const ROUNDED = 6;
const INTEGER = /^[+-]?\d+$/;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/**
 * Only what can't be read is turned away here; whether a value is allowed, the run decides.
 *
 * @param {string} text
 * @param {Shape} shape
 * @returns {Parsed}
 */
export function parse(text, shape) {
  const bare = text.trim();
  if (shape.nullable && (bare === "" || bare === "None")) return { node: null };
  if (shape.type === "float" || shape.type === "int") return parseNumber(bare);
  if (shape.type === "str") return { node: text };
  return parseJson(bare);
}

/** @param {string} text @returns {Parsed} */
function parseNumber(text) {
  const plain = text.replace(/[_\s]/g, "").replace("−", "-");
  const word = WORDS[plain.toLowerCase()];
  if (word !== undefined) return { node: encodeNode(word) };
  if (INTEGER.test(plain)) return { node: encodeNode(BigInt(plain.replace("+", ""))) };
  return NUMBER.test(plain)
    ? { node: encodeNode(Number(plain)) }
    : { error: text ? `${text} is not a number` : "a number is needed" };
}

/** @param {string} text @returns {Parsed} */
function parseJson(text) {
  try {
    return { node: encodeNode(JSON.parse(text)) };
  } catch {
    return { error: 'not JSON; texts need double quotes, such as "adam"' };
  }
}

/** A node as it stands in its editor. @param {any} node @param {Shape} shape */
export function toText(node, shape) {
  if (node === undefined) return "";
  const value = decodeNode(node);
  if (value === null) return shape.nullable ? "" : "None";
  if (typeof value === "number") return short(value);
  if (typeof value === "bigint") return typed(value);
  return shape.type === "str" && typeof value === "string" ? value : JSON.stringify(node);
}

/** As typed, unless that would not fit: then rounded. @param {number} value */
function short(value) {
  const text = typed(value);
  return text.length > FITTING && !Number.isInteger(value) ? typed(Number(value.toPrecision(ROUNDED))) : text;
}

/**
 * The next value for an arrow key: the declared step, else one in the second significant digit.
 *
 * @param {number} value
 * @param {Shape} shape
 * @param {number} direction 1 or -1; 10 or -10 for big steps
 */
export function nudge(value, shape, direction) {
  if (!Number.isFinite(value)) return value;
  const unit = shape.step ?? (shape.type === "int" ? 1 : sensible(value, direction));
  const next = Number((value + unit * direction).toPrecision(12));
  return Math.min(shape.maximum ?? Infinity, Math.max(shape.minimum ?? -Infinity, next));
}

/** @param {number} value @param {number} direction */
function sensible(value, direction) {
  if (value === 0) return 0.01;
  const exponent = Math.floor(Math.log10(Math.abs(value)) + 1e-9);
  const leading = Math.abs(value) / 10 ** exponent;
  const shrinking = Math.sign(direction) !== Math.sign(value) && leading < 1 + 1e-9;
  return 10 ** (exponent - (shrinking ? 2 : 1));
}
