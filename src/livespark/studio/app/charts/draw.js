/** Draws traces, gaps and marks into a chart's canvas. */

import { smooth } from "./decimate.js";

const SMOOTH_SPAN = 14;
const FEW = 80;
const DENSE = 1.6;
const BAND = 0.3;

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

/**
 * @param {Picture} picture
 * @param {{trace: Trace, old: boolean}[]} parts
 * @param {boolean} smoothed
 */
export function drawTraces(picture, parts, smoothed) {
  const { context, box } = picture;
  context.save();
  context.beginPath();
  context.rect(box.left, box.top, box.width, box.height);
  context.clip();
  for (const { trace, old } of parts) drawTrace(picture, trace, { smoothed, alpha: old ? 0.35 : 1 });
  context.restore();
}

/**
 * Where points are dense, the range they span is a pale band and their mean the line; else the line goes through them
 * all.
 *
 * @param {Picture} picture
 * @param {Trace} trace
 * @param {{smoothed: boolean, alpha: number}} style
 */
function drawTrace(picture, trace, { smoothed, alpha }) {
  const { context } = picture;
  const dense = trace.xs.length > trace.columns.length * DENSE;
  context.globalAlpha = smoothed || dense ? alpha * BAND : alpha;
  line(picture, trace.xs, trace.ys, 1.25);
  context.globalAlpha = alpha;
  if (smoothed) line(picture, trace.columns, smooth(trace.columns, trace.means, SMOOTH_SPAN), 1.75);
  else if (dense) line(picture, trace.columns, trace.means, 1.25);
  else if (trace.xs.length <= FEW) dots(picture, trace);
  gaps(picture, trace.gaps);
}

/** @param {Picture} picture @param {number[]} xs @param {number[]} ys @param {number} width */
function line({ context, box, ratio, y, colours }, xs, ys, width) {
  context.strokeStyle = colours.accent;
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
function dots({ context, box, ratio, y, colours }, { xs, ys }) {
  context.fillStyle = colours.accent;
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

/**
 * Lines where somebody intervened, at these pixel columns.
 *
 * @param {Picture} picture
 * @param {number[]} columns
 */
export function drawMarks({ context, box, ratio, colours }, columns) {
  context.save();
  context.strokeStyle = colours.faint;
  context.fillStyle = colours.muted;
  context.lineWidth = ratio;
  context.setLineDash([2 * ratio, 3 * ratio]);
  for (const column of columns) {
    const x = Math.round(box.left + column * ratio);
    context.beginPath();
    context.moveTo(x, box.top);
    context.lineTo(x, box.top + box.height);
    context.stroke();
    context.beginPath();
    context.moveTo(x - 4 * ratio, box.top);
    context.lineTo(x + 4 * ratio, box.top);
    context.lineTo(x, box.top + 6 * ratio);
    context.fill();
  }
  context.restore();
}
