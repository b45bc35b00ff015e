/** What all charts of a page share: the metrics, the range of steps, the switches, the marks. */

import { effect, signal } from "../../vendor/preact.js";
import { Painter } from "./painter.js";

export class Board {
  /** The range somebody zoomed to; null: everything. */
  zoom = signal(null);
  smoothed = signal(read("smooth"));
  log = signal(read("log"));
  painter = new Painter();

  /**
   * @param {object} run
   * @param {import("./metrics.js").Metrics} run.metrics
   * @param {import("../../vendor/preact.js").Signal} run.metricTick Changes when the metrics have changed.
   * @param {import("../../vendor/preact.js").Signal} run.marks
   * @param {import("../family/comparison.js").Comparison} run.comparison
   * @param {(found: import("./marks.js").Found) => void} open Shows what a mark stands for.
   */
  constructor({ metrics, metricTick, marks, comparison }, open) {
    this.metrics = metrics;
    this.tick = metricTick;
    this.marks = marks;
    this.comparison = comparison;
    this.open = open;
  }

  /** The steps that the charts show. @returns {[number, number]} */
  get range() {
    return this.zoom.value ?? joined(this.metrics, this.comparison.metrics.value);
  }

  /** What the chart of the metric `name` shows. @param {string} name */
  scene(name) {
    return {
      series: this.metrics.series.get(name),
      other: this.comparison.metrics.value?.series.get(name),
      range: this.range,
      log: this.log.value,
      smoothed: this.smoothed.value,
      marks: this.marks.value,
    };
  }

  /** Calls `changed` whenever a chart has something new to show. Returns the function that ends it. */
  follow(changed, palette) {
    return effect(() => {
      void [this.tick.value, this.zoom.value, this.smoothed.value, this.log.value, this.marks.value, palette.value];
      void [this.comparison.metrics.value, this.comparison.tick.value];
      changed();
    });
  }

  toggleSmooth() {
    this.smoothed.value = write("smooth", !this.smoothed.value);
  }

  toggleLog() {
    this.log.value = write("log", !this.log.value);
  }
}

/**
 * The steps of two runs together.
 *
 * @param {import("./metrics.js").Metrics} own
 * @param {import("./metrics.js").Metrics | null} other
 * @returns {[number, number]}
 */
function joined(own, other) {
  if (!other?.series.size) return own.extent;
  if (!own.series.size) return other.extent;
  return [Math.min(own.extent[0], other.extent[0]), Math.max(own.extent[1], other.extent[1])];
}

/** @param {string} name */
function read(name) {
  return localStorage.getItem(`livespark-${name}`) === "on";
}

/** @param {string} name @param {boolean} on */
function write(name, on) {
  localStorage.setItem(`livespark-${name}`, on ? "on" : "off");
  return on;
}
