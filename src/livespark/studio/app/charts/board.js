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
   * @param {import("./metrics.js").Metrics} metrics
   * @param {import("../../vendor/preact.js").Signal} tick Changes when the metrics have changed.
   * @param {import("../../vendor/preact.js").Signal} marks
   * @param {(seq: number) => void} openReload
   */
  constructor(metrics, tick, marks, openReload) {
    this.metrics = metrics;
    this.tick = tick;
    this.marks = marks;
    this.openReload = openReload;
  }

  scene() {
    const range = this.zoom.value ?? this.metrics.extent;
    return { range, log: this.log.value, smoothed: this.smoothed.value, marks: this.marks.value };
  }

  /** Calls `changed` whenever a chart has something new to show. Returns the function that ends it. */
  follow(changed, palette) {
    return effect(() => {
      void [this.tick.value, this.zoom.value, this.smoothed.value, this.log.value, this.marks.value, palette.value];
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

/** @param {string} name */
function read(name) {
  return localStorage.getItem(`livespark-${name}`) === "on";
}

/** @param {string} name @param {boolean} on */
function write(name, on) {
  localStorage.setItem(`livespark-${name}`, on ? "on" : "off");
  return on;
}
