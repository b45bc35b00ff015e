/** From the flat list of exposed values to sections and rows, in the order in which they were exposed. */

import { splitPath } from "../../client/index.js";

/**
 * @typedef {object} Branch
 * @property {string} path
 * @property {string} label The last segment of the path.
 * @property {string} tag The node's tag; "" for a scalar.
 * @property {number} depth
 * @property {Branch[]} children
 */

const CONTAINERS = new Set(["dict", "list", "object"]);

/** Things that are shown as they are, over the whole width. */
const BLOCKS = new Set(["array", "module"]);

/**
 * @param {[string, string][]} structure paths and tags, parents before children
 * @returns {Branch[]}
 */
export function buildTree(structure) {
  const root = /** @type {Branch} */ ({ path: "", label: "", tag: "dict", depth: -1, children: [] });
  const known = new Map([["", root]]);
  for (const [path, tag] of structure) {
    const segments = splitPath(path);
    const label = segments[segments.length - 1];
    const parent = known.get(parentOf(path)) ?? root;
    const branch = { path, label, tag, depth: parent.depth + 1, children: [] };
    known.set(path, branch);
    parent.children.push(branch);
  }
  return root.children;
}

/** The path without its last segment; "" for a binding. @param {string} path */
export function parentOf(path) {
  const match = /^(.*)\.(?:[^.\\]|\\.)*$/s.exec(path);
  return match ? trimDangling(path, match[1]) : "";
}

/**
 * A dot behind an odd number of backslashes belongs to the segment.
 *
 * @param {string} path
 * @param {string} parent
 * @returns {string}
 */
function trimDangling(path, parent) {
  const slashes = /\\*$/.exec(parent)?.[0].length ?? 0;
  return slashes % 2 ? parentOf(parent.slice(0, -1)) : parent;
}

/** @param {Branch} branch */
export const isContainer = (branch) => CONTAINERS.has(branch.tag);

/** @param {Branch} branch */
export const isBlock = (branch) => BLOCKS.has(branch.tag);

/**
 * Sections of the panel: scalars exposed by themselves share the first one; everything else has its own.
 *
 * @param {Branch[]} branches
 * @returns {{title: string, path: string, tag: string, children: Branch[]}[]}
 */
export function sections(branches) {
  const loose = branches.filter((branch) => !isContainer(branch) && !isBlock(branch));
  const own = branches.filter((branch) => isContainer(branch) || isBlock(branch));
  const first = loose.length ? [{ title: "values", path: "", tag: "", children: loose }] : [];
  return [
    ...first,
    ...own.map((branch) => ({
      title: branch.label,
      path: branch.path,
      tag: branch.tag,
      children: isBlock(branch) ? [branch] : branch.children,
    })),
  ];
}
