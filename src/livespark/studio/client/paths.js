/** Paths to exposed values: segments joined by dots, dots and backslashes in a segment escaped by a backslash. */

/** @param {string} segment */
const escape = (segment) => segment.replace(/[\\.]/g, "\\$&");

/**
 * @param {string[]} segments
 * @returns {string}
 */
export function joinPath(segments) {
  return segments.map(escape).join(".");
}

/**
 * The segments of `path`, unescaped.
 *
 * @param {string} path
 * @returns {string[]}
 */
export function splitPath(path) {
  const segments = [""];
  for (let index = 0; index < path.length; index += 1) {
    if (path[index] === ".") segments.push("");
    else segments[segments.length - 1] += path[index] === "\\" ? (path[(index += 1)] ?? "") : path[index];
  }
  return segments;
}
