/**
 * One chart: uPlot brings axes, cursor and zoom; the lines are ours (see draw.js), so that any number of points is
 * fine.
 */

import uPlot from "../../vendor/uplot.js";
import { number } from "../format.js";
import { decimate, rangeOf } from "./decimate.js";
import { drawMarks, drawTraces } from "./draw.js";
import { markNear, opens, thinned } from "./marks.js";
import { Pace } from "./pace.js";
import { palette } from "./palette.js";

const STILL = 4;
const COMPACT = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 2 });
const FONT = "11px system-ui, -apple-system, 'Segoe UI', Roboto, Arial, sans-serif";

/**
 * @typedef {import("./marks.js").Mark} Mark
 * @typedef {import("./marks.js").Found} Found
 *
 * @typedef {object} Scene What a chart shows, asked for at each painting.
 * @property {import("./series.js").Series} series
 * @property {import("./series.js").Series | undefined} other The same metric of a relative.
 * @property {[number, number]} range Steps from, to.
 * @property {boolean} log
 * @property {boolean} smoothed
 * @property {Mark[]} marks
 *
 * @typedef {object} Reactions
 * @property {(range: [number, number]) => void} zoom The person drew a range.
 * @property {() => void} reset The person double-clicked.
 * @property {(hover: {left: number, step: number, mark: Found | null} | null) => void} hover
 * @property {(mark: Found) => void} open The person clicked on a mark.
 */

export class Plot {
  /** @type {{trace: import("./decimate.js").Trace, curve: import("./draw.js").Curve}[]} */
  #parts = [];
  /** @type {Scene | null} */
  #scene = null;
  #pace = new Pace();

  /**
   * @param {HTMLElement} element
   * @param {{width: number, height: number, log: boolean}} size
   * @param {Reactions} reactions
   */
  constructor(element, size, reactions) {
    this.reactions = reactions;
    this.plot = new uPlot(this.#options(size), EMPTY, element);
    this.#listen(this.plot.over);
  }

  destroy() {
    this.plot.destroy();
  }

  /** @param {number} width @param {number} height */
  resize(width, height) {
    this.plot.setSize({ width, height });
  }

  /** Paints, unless nobody could see a difference. @param {Scene} scene */
  paint(scene) {
    const { plot } = this;
    const [low, high] = scene.range;
    const frame = { low, high, width: plot.over.clientWidth, positive: scene.log };
    const look = [scene.log, scene.smoothed, scene.marks, scene.other?.length, low, frame.width, palette.value];
    const ends = [high, scene.series.lastStep];
    if (!this.#pace.isDue(look, ends, frame.width / (high - low), performance.now())) return;
    this.#scene = scene;
    this.#parts = partsOf(scene, frame);
    const [bottom, top] = rangeOf(
      this.#parts.map(({ trace }) => trace),
      scene.log,
    );
    plot.batch(() => {
      plot.setScale("x", { min: low, max: high > low ? high : low + 1 });
      plot.setScale("y", { min: bottom, max: top });
    });
  }

  /** Where the cursor would be if it were on a mark. @param {Found} mark */
  hoverOn(mark) {
    return { left: this.#column(mark.step), step: mark.step, mark };
  }

  /** A press that ends where it began is a click; any other has drawn a range. @param {HTMLElement} over */
  #listen(over) {
    let pressed = NaN;
    over.addEventListener("mousedown", ({ clientX }) => (pressed = clientX));
    over.addEventListener("click", ({ clientX }) => {
      const mark = Math.abs(clientX - pressed) < STILL ? this.#markAt(this.plot.cursor.left ?? -1) : null;
      if (mark) this.reactions.open(mark);
    });
  }

  #draw() {
    if (!this.#scene) return;
    const { ctx, bbox } = this.plot;
    const picture = {
      context: ctx,
      box: bbox,
      ratio: uPlot.pxRatio,
      y: vertical(bbox, this.plot.scales.y, this.#scene.log),
      colours: palette.value,
    };
    const marks = this.#scene.marks.map(({ step, kind }) => ({ column: this.#column(step), kind }));
    drawMarks(picture, thinned(marks.filter(({ column }) => column >= 0)));
    drawTraces(picture, this.#parts, this.#scene.smoothed);
  }

  /** The pixel column of a step, or -1 outside. @param {number} step */
  #column(step) {
    const { min, max } = this.plot.scales.x;
    return step >= min && step <= max ? ((step - min) / (max - min)) * this.plot.over.clientWidth : -1;
  }

  #hovered() {
    const left = this.plot.cursor.left ?? -1;
    if (left < 0 || !this.#scene) return this.reactions.hover(null);
    const mark = this.plot.cursor.event ? this.#markAt(left) : null;
    this.plot.over.classList.toggle("on-mark", mark !== null && opens(mark) !== "");
    return this.reactions.hover({ left, step: this.plot.posToVal(left, "x"), mark });
  }

  /** @param {number} left */
  #markAt(left) {
    return this.#scene && left >= 0 ? markNear(this.#scene.marks, (step) => this.#column(step), left) : null;
  }

  #selected() {
    const { left, width } = this.plot.select;
    if (width < STILL) return;
    this.reactions.zoom([this.plot.posToVal(left, "x"), this.plot.posToVal(left + width, "x")]);
    this.plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  }

  /** @param {{width: number, height: number, log: boolean}} size */
  #options({ width, height, log }) {
    return {
      width,
      height,
      legend: { show: false },
      padding: [8, 8, 0, 0],
      cursor: {
        y: false,
        points: { show: false },
        drag: { x: true, y: false, setScale: false },
        sync: { key: "steps", scales: ["x", null], setSeries: false },
        bind: { dblclick: () => () => (this.reactions.reset(), null) },
      },
      scales: { x: { time: false }, y: { distr: log ? 3 : 1 } },
      axes: [
        axis({ size: 26, space: 70, values: compact }),
        axis({ size: 58, space: 34, values: log ? powers : ticks }),
      ],
      series: [{}, { paths: () => null, points: { show: false } }],
      hooks: {
        draw: [() => this.#draw()],
        setCursor: [() => this.#hovered()],
        setSelect: [() => this.#selected()],
      },
    };
  }
}

/**
 * A relative's curve lies below this run's, which lies above its own earlier branches.
 *
 * @param {Scene} scene
 * @param {{low: number, high: number, width: number, positive: boolean}} frame
 */
function partsOf({ series, other }, frame) {
  const traced = (/** @type {import("./series.js").Series} */ from) =>
    from.curves(frame.low, frame.high).map(({ slices, old }) => ({ trace: decimate(from, slices, frame), old }));
  const others = other ? traced(other).filter(({ old }) => !old) : [];
  return [
    ...others.map(({ trace }) => ({ trace, curve: /** @type {const} */ ("other") })),
    ...traced(series).map(({ trace, old }) => ({ trace, curve: /** @type {const} */ (old ? "old" : "now") })),
  ];
}

const EMPTY = [
  [0, 1],
  [1, 1],
];

/** @param {object} own */
function axis(own) {
  const grid = { stroke: () => palette.value.line, width: 1 };
  return { font: FONT, stroke: () => palette.value.muted, grid, ticks: { show: false }, gap: 6, ...own };
}

/** @param {unknown} _ @param {number[]} splits */
const compact = (_, splits) => splits.map((split) => COMPACT.format(split));

/** @param {unknown} _ @param {number[]} splits */
const ticks = (_, splits) => splits.map((split) => number(split, 4));

/** @param {unknown} _ @param {(number | null)[]} splits */
const powers = (_, splits) => splits.map((split) => (split === null ? "" : number(split, 4)));

/**
 * @param {import("./draw.js").Box} box
 * @param {{min: number, max: number}} scale
 * @param {boolean} log
 * @returns {(value: number) => number}
 */
function vertical(box, { min, max }, log) {
  const place = log ? Math.log10 : (/** @type {number} */ value) => value;
  const [low, high] = [place(min), place(max)];
  const bottom = box.top + box.height;
  const scale = box.height / (high - low || 1);
  return (value) => bottom - (place(value) - low) * scale;
}
