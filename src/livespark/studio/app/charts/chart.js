/** A chart on the page: its name, its value, its plot, and what the cursor is on. */

import { html, useEffect, useLayoutEffect, useRef, useSignal, useSignalEffect } from "../../vendor/preact.js";
import { steady, whole } from "../format.js";
import { palette } from "./palette.js";
import { Plot } from "./plot.js";

const HEIGHT = 190;

/**
 * @param {{name: string, title: string, board: import("./board.js").Board}} props
 */
export function Chart({ name, title, board }) {
  const element = useRef(null);
  const hover = useSignal(null);
  useLayoutEffect(() => mount(element.current, name, board, hover), [name, board.log.value]);
  return html`
    <figure class="chart card" aria-label=${`${name}, line chart`}>
      <figcaption>
        <span class="chart-name" title=${name}>${title}</span>
        <${Reading} name=${name} board=${board} hover=${hover} />
      </figcaption>
      <div class="plot" ref=${element}></div>
      <${MarkTip} hover=${hover} />
    </figure>
  `;
}

/** The newest value, or the one under the cursor. */
function Reading({ name, board, hover }) {
  void board.tick.value;
  const series = board.metrics.series.get(name);
  if (!series) return null;
  const index = hover.value ? series.nearest(hover.value.step) : series.length - 1;
  const value = index < 0 ? NaN : series.values[index];
  return html`
    <span class="chart-step quiet">${hover.value && index >= 0 ? `step ${whole(series.steps[index])}` : ""}</span>
    <span class="chart-value ${Number.isFinite(value) ? "" : "odd"}">${steady(value)}</span>
  `;
}

function MarkTip({ hover }) {
  const element = useRef(null);
  const mark = hover.value?.mark;
  useSignalEffect(() => {
    if (element.current && hover.value) place(element.current, hover.value.left);
  });
  useEffect(() => {
    if (element.current && hover.value) place(element.current, hover.value.left);
  }, [mark]);
  return mark ? html`<div class="mark-tip" ref=${element} role="tooltip">${mark.text}</div>` : null;
}

/** @param {HTMLElement} tip @param {number} left */
function place(tip, left) {
  const room = tip.parentElement.clientWidth - tip.offsetWidth - 8;
  tip.style.left = `${Math.max(8, Math.min(left + 60, room))}px`;
}

/** Builds the plot and keeps it painted. Returns the function that takes it down. */
function mount(element, name, board, hover) {
  const size = { width: element.clientWidth, height: HEIGHT, log: board.log.value };
  const plot = new Plot(element, size, {
    zoom: (range) => (board.zoom.value = range),
    reset: () => (board.zoom.value = null),
    hover: (next) => (hover.value = next),
  });
  let visible = true;
  const paint = () => {
    const series = board.metrics.series.get(name);
    if (visible && series) plot.paint({ series, ...board.scene() });
  };
  const remove = board.painter.add(paint);
  const stop = board.follow(() => board.painter.request(paint), palette);
  const resized = new ResizeObserver(() => (plot.resize(element.clientWidth, HEIGHT), board.painter.request(paint)));
  const seen = new IntersectionObserver(([entry]) => {
    visible = entry.isIntersecting;
    if (visible) board.painter.request(paint);
  });
  resized.observe(element);
  seen.observe(element);
  return () =>
    [remove, stop, () => resized.disconnect(), () => seen.disconnect(), () => plot.destroy()].forEach((end) => end());
}
