/** A chart on the page: its name, its value, its plot, and what the cursor is on. */

import { html, useEffect, useLayoutEffect, useRef, useSignal, useSignalEffect } from "../../vendor/preact.js";
import { steady, whole } from "../format.js";
import { nextMark, opens } from "./marks.js";
import { palette } from "./palette.js";
import { Plot } from "./plot.js";

const HEIGHT = 190;
const AXIS = 70;
const ASIDE = 10;

/**
 * @param {{name: string, title: string, board: import("./board.js").Board}} props
 */
export function Chart({ name, title, board }) {
  const element = useRef(null);
  const plot = useRef(null);
  const hover = useSignal(null);
  useLayoutEffect(() => mount(element.current, { name, board, hover, plot }), [name, board.log.value]);
  const marked = board.marks.value.length > 0;
  return html`
    <figure class="chart card" aria-label=${`${name}, line chart`}>
      <figcaption>
        <span class="chart-name" title=${name}>${title}</span>
        <${Reading} name=${name} board=${board} hover=${hover} />
      </figcaption>
      <div
        class="plot"
        ref=${element}
        role="group"
        aria-label=${marked ? `Marks on ${name}: left and right arrow go through them, Enter opens one` : null}
        tabindex=${marked ? 0 : null}
        onKeyDown=${(event) => walk(event, board, hover, plot.current)}
        onBlur=${() => (hover.value = null)}
      ></div>
      <${MarkTip} hover=${hover} />
    </figure>
  `;
}

/** The newest value, or the one under the cursor: of which branch, and what stands beside it. */
function Reading({ name, board, hover }) {
  void board.tick.value;
  const series = board.metrics.series.get(name);
  if (!series) return null;
  const index = hover.value ? series.nearest(hover.value.step) : series.length - 1;
  const value = index < 0 ? NaN : series.values[index];
  return html`
    ${hover.value && index >= 0 && html`<${Beside} name=${name} board=${board} index=${index} step=${hover.value.step} />`}
    <span class="chart-value ${Number.isFinite(value) ? "" : "odd"}">${steady(value)}</span>
  `;
}

/** What the value under the cursor belongs to, and the values of an earlier branch and of a relative there. */
function Beside({ name, board, index, step }) {
  const series = board.metrics.series.get(name);
  const old = series.isEarlier(index);
  const earlier = old ? -1 : series.earlier(step);
  return html`
    <span class="chart-step quiet">
      ${`step ${whole(series.steps[index])}`}${old && ", earlier branch"}
      ${earlier >= 0 && ` · earlier branch ${steady(series.values[earlier])}`}
      <${Other} name=${name} board=${board} step=${step} />
    </span>
  `;
}

/** A relative's value at this step. */
function Other({ name, board, step }) {
  const { metrics, shown } = board.comparison;
  const series = metrics.value?.series.get(name);
  const index = series ? series.nearest(step) : -1;
  return index < 0 ? null : ` · ${shown.value} ${steady(series.values[index])}`;
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
  return html`<div class="mark-tip ${mark ? "" : "hidden"}" ref=${element} role="status">
    ${mark?.text}${mark && opens(mark) && html`<span class="mark-hint">Click or Enter: ${opens(mark)}</span>`}
  </div>`;
}

/** The marks by keyboard. @param {KeyboardEvent} event */
function walk(event, board, hover, plot) {
  const mark = hover.value?.mark ?? null;
  const direction = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (direction) {
    const next = nextMark(board.marks.value, board.range, mark?.step ?? null, direction);
    if (next) hover.value = plot.hoverOn(next);
  } else if (event.key === "Enter" && mark && opens(mark)) board.open(mark);
  else return;
  event.preventDefault();
}

/** Beside the cursor: to the right, or where that is too narrow, to the left. @param {HTMLElement} tip @param {number} left */
function place(tip, left) {
  const room = tip.parentElement.clientWidth - tip.offsetWidth - 8;
  const right = left + AXIS + ASIDE;
  tip.style.left = `${right <= room ? right : Math.max(8, left + AXIS - ASIDE - tip.offsetWidth)}px`;
}

/** Builds the plot and keeps it painted. Returns the function that takes it down. */
function mount(element, { name, board, hover, plot: current }) {
  const size = { width: element.clientWidth, height: HEIGHT, log: board.log.value };
  const plot = new Plot(element, size, {
    open: (found) => board.open(found),
    zoom: (range) => (board.zoom.value = range),
    reset: () => (board.zoom.value = null),
    hover: (next) => (hover.value = next),
  });
  current.current = plot;
  let visible = true;
  const paint = () => {
    const scene = board.scene(name);
    if (visible && scene.series) plot.paint(scene);
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
