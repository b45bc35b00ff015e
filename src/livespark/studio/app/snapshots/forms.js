/** What is typed into the forms of rewinding and forking, read and checked. Pure. */

import { parse } from "../controls/parse.js";
import { typed } from "../format.js";

/**
 * @typedef {import("../../client/types.js").Field} Field
 * @typedef {{path: string, text: string}} Change
 */

/** The exposed numbers that can be changed. @param {Record<string, Field>} fields @returns {string[]} */
export function numbersOf(fields) {
  const isNumber = (/** @type {Field} */ { shape, read_only }) =>
    !read_only && (shape.type === "float" || shape.type === "int");
  return Object.keys(fields).filter((path) => isNumber(fields[path]));
}

/**
 * Typed changes as the nodes of a command; throws with the first that can't be read.
 *
 * @param {Change[]} changes
 * @param {Record<string, Field>} fields
 * @returns {Record<string, any>}
 */
export function readChanges(changes, fields) {
  const values = /** @type {Record<string, any>} */ ({});
  for (const { path, text } of changes) {
    const parsed = parse(text, fields[path]?.shape ?? { type: "float" });
    if ("error" in parsed) throw new Error(`${path}: ${parsed.error}`);
    values[path] = parsed.node;
  }
  return values;
}

/** A value of the config as it stands in its field: texts bare, all else as JSON. @param {any} value */
export function configText(value) {
  if (typeof value === "string") return value;
  return typeof value === "number" ? typed(value) : JSON.stringify(value);
}

/**
 * What differs from `config` in the texts of its fields; throws with the first that can't be read.
 *
 * @param {Record<string, any>} config
 * @param {Record<string, string>} texts By name; those that are not in the config are read as JSON, else as text.
 * @returns {Record<string, any>}
 */
export function readConfig(config, texts) {
  const changed = Object.entries(texts).filter(
    ([name, text]) => !(name in config) || text !== configText(config[name]),
  );
  return Object.fromEntries(changed.map(([name, text]) => [name, readValue(name, text, config[name])]));
}

/** @param {string} name @param {string} text @param {any} was */
function readValue(name, text, was) {
  if (typeof was === "string") return text;
  try {
    return JSON.parse(text);
  } catch {
    if (was === undefined) return text;
    throw new Error(`${name}: ${text || "nothing"} can't be read; it was ${configText(was)}`);
  }
}
