/** All metrics of a run. */

import { decodeNumber } from "../../client/index.js";
import { Series } from "./series.js";

export class Metrics {
  /** In order of appearance. @type {Map<string, Series>} */
  series = new Map();

  /** The step of the last row; null before. @type {number | null} */
  newest = null;

  /** From which step on a run goes on that did not begin at its own beginning; null: from its first metrics. @type {number | null} */
  begin = null;

  /** Rows the worker had to drop. @type {{rows: number, first_step: number, last_step: number}[]} */
  thinned = [];

  /** @param {import("../../client/types.js").Metrics} event */
  append({ steps, series }) {
    for (const [name, column] of Object.entries(series)) this.#of(name).append(steps, column.map(decodeNumber));
    this.newest = steps.at(-1) ?? this.newest;
  }

  /**
   * Further columns, as the HTTP API pages through them.
   *
   * @param {Record<string, {steps: number[], values: import("../../client/types.js").MetricNumber[]}>} columns
   */
  take(columns) {
    for (const [name, { steps, values }] of Object.entries(columns)) {
      this.#of(name).append(steps, values.map(decodeNumber));
    }
  }

  /** @param {string} name */
  #of(name) {
    const series = this.series.get(name) ?? new Series();
    this.series.set(name, series);
    return series;
  }

  /** State has gone back to `step`: from here on everything is a new branch. @param {number} step */
  branch(step) {
    if (!this.series.size) this.begin = step;
    for (const series of this.series.values()) series.branch(step);
  }

  clear() {
    this.series.clear();
    this.thinned = [];
    this.newest = null;
    this.begin = null;
  }

  /** Smallest and largest step of all. @returns {[number, number]} */
  get extent() {
    const extents = [...this.series.values()].flatMap((series) => (series.extent ? [series.extent] : []));
    if (!extents.length) return [0, 1];
    return [Math.min(this.begin ?? Infinity, ...extents.map(([low]) => low)), Math.max(...extents.map(([, high]) => high))];
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
