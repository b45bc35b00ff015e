/** All metrics of a run. */

import { decodeNumber } from "../../client/index.js";
import { Series } from "./series.js";

export class Metrics {
  /** In order of appearance. @type {Map<string, Series>} */
  series = new Map();

  /** Rows the worker had to drop. @type {{rows: number, first_step: number, last_step: number}[]} */
  thinned = [];

  /** @param {import("../../client/types.js").Metrics} event */
  append({ steps, series }) {
    for (const [name, column] of Object.entries(series)) {
      if (!this.series.has(name)) this.series.set(name, new Series());
      this.series.get(name)?.append(steps, column.map(decodeNumber));
    }
  }

  clear() {
    this.series.clear();
    this.thinned = [];
  }

  /** Smallest and largest step of all. @returns {[number, number]} */
  get extent() {
    const extents = [...this.series.values()].flatMap((series) => (series.extent ? [series.extent] : []));
    if (!extents.length) return [0, 1];
    return [Math.min(...extents.map(([low]) => low)), Math.max(...extents.map(([, high]) => high))];
  }
}

/**
 * Names by the part before the first slash, "" where there is none; groups in order of appearance.
 *
 * @param {Iterable<string>} names
 * @returns {[string, string[]][]}
 */
export function grouped(names) {
  const groups = /** @type {Map<string, string[]>} */ (new Map());
  for (const name of names) {
    const group = name.includes("/") ? name.slice(0, name.indexOf("/")) : "";
    if (!groups.has(group)) groups.set(group, []);
    groups.get(group)?.push(name);
  }
  return [...groups];
}
