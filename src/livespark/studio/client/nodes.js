/**
 * Values as they travel (`livespark/protocol/live.py` has the table): plain JSON, and tagged objects where JSON or
 * JavaScript can't hold a value.
 */

const FINITE = /** @type {Record<string, number>} */ ({ nan: NaN, inf: Infinity, "-inf": -Infinity });

/** @param {number} value */
const nameOf = (value) => (Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf");

/**
 * The tag of a tagged node, such as "array"; "" for a plain one.
 *
 * @param {any} node
 * @returns {string}
 */
export function tagOf(node) {
  return node !== null && typeof node === "object" && typeof node.$ === "string" ? node.$ : "";
}

/**
 * The JavaScript value of a node: integers beyond 2**53 become BigInt, bytes Uint8Array. Nodes that stand for something
 * richer (arrays, modules, texts) stay as they are.
 *
 * @param {any} node
 * @returns {any}
 */
export function decodeNode(node) {
  if (node === null || typeof node !== "object") return node;
  if (Array.isArray(node)) return node.map(decodeNode);
  const tag = tagOf(node);
  if (tag === "float") return FINITE[node.v] ?? node;
  if (tag === "int") return BigInt(node.v);
  if (tag === "bytes") return Uint8Array.from(atob(node.v), (character) => character.charCodeAt(0));
  if (tag) return node;
  return mapEntries(node, (key) => (key.startsWith("$$") ? key.slice(1) : key), decodeNode);
}

/**
 * A JavaScript value as a node.
 *
 * @param {any} value
 * @returns {any}
 */
export function encodeNode(value) {
  if (typeof value === "number") return Number.isFinite(value) ? value : { $: "float", v: nameOf(value) };
  if (typeof value === "bigint") return encodeBigInt(value);
  if (value === undefined) return null;
  if (value === null || typeof value !== "object") return value;
  if (value instanceof Uint8Array) return { $: "bytes", n: value.length, v: base64(value) };
  if (Array.isArray(value)) return value.map(encodeNode);
  return mapEntries(value, (key) => (key.startsWith("$") ? `$${key}` : key), encodeNode);
}

/**
 * A number of a metric column. Large integers lose digits, as they would on any chart.
 *
 * @param {import("./types.js").MetricNumber} value
 * @returns {number}
 */
export function decodeNumber(value) {
  return typeof value === "number" ? value : (FINITE[value] ?? Number(value));
}

/** @param {Uint8Array} bytes */
const base64 = (bytes) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));

/** @param {bigint} value */
function encodeBigInt(value) {
  const exact = value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER;
  return exact ? Number(value) : { $: "int", v: String(value) };
}

/**
 * @param {Record<string, any>} object
 * @param {(key: string) => string} key
 * @param {(value: any) => any} value
 */
function mapEntries(object, key, value) {
  return Object.fromEntries(Object.entries(object).map(([name, item]) => [key(name), value(item)]));
}
