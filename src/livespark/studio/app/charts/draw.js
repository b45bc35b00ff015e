/** Draws traces, gaps and marks into a chart's canvas. */

import { smooth } from "./decimate.js";

const SMOOTH_SPAN = 14;
const FEW = 80;
const DENSE = 1.6;
const BAND = 0.3;
const MANY = 6;

/**
 * @typedef {import("./decimate.js").Trace} Trace
 * @typedef {{left: number, top: number, width: number, height: number}} Box In canvas pixels.
 * @typedef {object} Picture
 * @property {CanvasRenderingContext2D} context
 * @property {Box} box
 * @property {number} ratio Canvas pixels per CSS pixel.
 * @property {(value: number) => number} y Value to canvas pixel.
 * @property {Record<string, string>} colours
 */

/** How each kind of curve looks: this run's, an earlier branch of it, and that of a relative. */
const CURVES = /** @type {const} */ ({
  now: { colour: "accent", alpha: 1, width: 1 },
  old: { colour: "accent", alpha: 0.35, width: 0.7 },
  other: { colour: "calm", alpha: 0.75, width: 0.9 },
});

/** @typedef {keyof typeof CURVES} Curve */

/**
 * @param {Picture} picture
 * @param {{trace: Trace, curve: Curve}[]} parts
 * @param {boolean} smoothed
 */
export function drawTraces(picture, parts, smoothed) {
  const { context, box } = picture;
  context.save();
  context.beginPath();
  context.rect(box.left, box.top, box.width, box.height);
  context.clip();
  for (const { trace, curve } of parts) drawTrace(picture, trace, curve, smoothed);
  context.restore();
}

/**
 * Where points are dense, the range they span is a pale band and their mean the line; else the line goes through them
 * all.
 *
 * @param {Picture} picture
 * @param {Trace} trace
 * @param {Curve} curve
 * @param {boolean} smoothed
 */
function drawTrace(picture, trace, curve, smoothed) {
  const { context, colours } = picture;
  const { colour, alpha, width } = CURVES[curve];
  const dense = trace.xs.length > trace.columns.length * DENSE;
  context.strokeStyle = context.fillStyle = colours[colour];
  context.globalAlpha = smoothed || dense ? alpha * BAND : alpha;
  line(picture, trace.xs, trace.ys, 1.25 * width);
  context.globalAlpha = alpha;
  if (smoothed) line(picture, trace.columns, smooth(trace.columns, trace.means, SMOOTH_SPAN), 1.75 * width);
  else if (dense) line(picture, trace.columns, trace.means, 1.25 * width);
  else if (trace.xs.length <= FEW) dots(picture, trace);
  if (curve === "now") gaps(picture, trace.gaps);
}

/** @param {Picture} picture @param {number[]} xs @param {number[]} ys @param {number} width */
function line({ context, box, ratio, y }, xs, ys, width) {
  context.lineWidth = width * ratio;
  context.lineJoin = "round";
  context.beginPath();
  let pen = false;
  for (let index = 0; index < xs.length; index += 1) {
    if (Number.isNaN(ys[index])) pen = false;
    else if (pen) context.lineTo(box.left + xs[index] * ratio, y(ys[index]));
    else context.moveTo(box.left + xs[index] * ratio, y(ys[index]));
    pen ||= !Number.isNaN(ys[index]);
  }
  context.stroke();
}

/** @param {Picture} picture @param {Trace} trace */
function dots({ context, box, ratio, y }, { xs, ys }) {
  xs.forEach((x, index) => {
    context.beginPath();
    context.arc(box.left + x * ratio, y(ys[index]), 2 * ratio, 0, 2 * Math.PI);
    context.fill();
  });
}

/** Small marks on the axis where values could not be drawn. @param {Picture} picture @param {number[]} columns */
function gaps({ context, box, ratio, colours }, columns) {
  context.globalAlpha = 1;
  context.fillStyle = colours.warn;
  for (const column of columns) {
    context.fillRect(box.left + column * ratio, box.top + box.height - 5 * ratio, Math.max(ratio, 1), 5 * ratio);
  }
}

/** How each kind of mark looks: its line, the pattern of it, and the head, on the upper or the lower edge. */
const STYLES = /** @type {Record<import("./marks.js").Mark["kind"], MarkStyle>} */ ({
  asked: { stroke: "faint", fill: "muted", dash: [2, 3], alpha: 1, head: triangle },
  reload: { stroke: "calm", fill: "calm", dash: [], alpha: 0.6, head: diamond },
  undone: { stroke: "bad", fill: "bad", dash: [6, 4], alpha: 0.8, head: diamond },
  snapshot: { stroke: "accent", fill: "accent", dash: [], alpha: 0, head: square, low: true },
  rewind: { stroke: "warn", fill: "warn", dash: [], alpha: 0.6, head: backwards },
  resume: { stroke: "calm", fill: "calm", dash: [], alpha: 0.6, head: forwards },
  attempt: { stroke: "bad", fill: "bad", dash: [2, 3], alpha: 0.8, head: forwards },
});

/**
 * @typedef {object} MarkStyle
 * @property {string} stroke
 * @property {string} fill
 * @property {number[]} dash
 * @property {number} alpha Of the line; 0: none.
 * @property {() => number[][]} head
 * @property {boolean} [low]
 */

/**
 * Lines where somebody intervened, where code changed and where state was saved or came back, at these pixel columns.
 *
 * @param {Picture} picture
 * @param {{column: number, kind: import("./marks.js").Mark["kind"]}[]} marks
 */
export function drawMarks(picture, marks) {
  const { context, box, ratio, colours } = picture;
  context.save();
  context.lineWidth = ratio;
  for (const mark of marks) {
    const { column, kind } = mark;
    const { stroke, fill, dash, alpha, head, low } = STYLES[kind];
    const alike = marks.filter((other) => other.kind === kind);
    const faded = mark === alike.at(-1) ? 1 : Math.min(1, MANY / alike.length);
    const x = Math.round(box.left + column * ratio) + (ratio % 2) / 2;
    context.strokeStyle = colours[stroke];
    context.fillStyle = colours[fill];
    context.setLineDash(dash.map((length) => length * ratio));
    if (alpha) markLine(picture, x, alpha * faded);
    context.beginPath();
    const top = low ? box.top + box.height : box.top;
    for (const [right, down] of head()) context.lineTo(x + right * ratio, top + down * ratio);
    context.fill();
  }
  context.restore();
}

/** @param {Picture} picture @param {number} x @param {number} alpha */
function markLine({ context, box }, x, alpha) {
  context.globalAlpha = alpha;
  context.beginPath();
  context.moveTo(x, box.top);
  context.lineTo(x, box.top + box.height);
  context.stroke();
  context.globalAlpha = 1;
}

function triangle() {
  return [
    [-4, 0],
    [4, 0],
    [0, 6],
  ];
}

function diamond() {
  return [
    [-4.5, 3],
    [0, -1.5],
    [4.5, 3],
    [0, 7.5],
  ];
}

function square() {
  return [
    [-3, -4],
    [3, -4],
    [3, 2],
    [-3, 2],
  ];
}

function backwards() {
  return [
    [3.5, -1.5],
    [3.5, 7.5],
    [-4.5, 3],
  ];
}

function forwards() {
  return backwards().map(([right, down]) => [-right, down]);
}
