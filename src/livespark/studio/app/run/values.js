/** The exposed values as signals: one for each path, and one for what paths there are. */

import { tagOf } from "../../client/index.js";
import { signal } from "../../vendor/preact.js";

export class Values {
  /** Paths and tags of all values, in order. A new list only when the structure is new. */
  structure = signal([]);

  /** @type {Record<string, any>} The nodes as they are now. */
  #now = {};
  #signals = new Map();

  /** A value's node, as a signal. @param {string} path */
  node(path) {
    if (!this.#signals.has(path)) this.#signals.set(path, signal(this.#now[path]));
    return this.#signals.get(path);
  }

  /** @param {Record<string, any>} values Nodes by path. */
  show(values) {
    this.#now = values;
    const structure = Object.entries(values).map(([path, node]) => [path, tagOf(node)]);
    for (const [path, node] of this.#signals) node.value = values[path];
    if (!sameStructure(structure, this.structure.value)) this.structure.value = structure;
  }
}

/** @param {string[][]} one @param {string[][]} other */
function sameStructure(one, other) {
  return (
    one.length === other.length &&
    one.every(([path, tag], index) => path === other[index][0] && tag === other[index][1])
  );
}
