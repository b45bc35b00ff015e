/** An array: as a heat map where its values are known, with the value under the pointer; else its statistics. */

import { decodeNumber } from "../../client/index.js";
import { html, useLayoutEffect, useRef, useSignal } from "../../vendor/preact.js";
import { palette } from "../charts/palette.js";
import { number } from "../format.js";
import { heat } from "./heat.js";

/** @param {{node: any, label: string}} props */
export function ArrayView({ node, label }) {
  if (node.data !== undefined && node.shape.length <= 2 && node.shape.every((size) => size > 0)) {
    return html`<${HeatMap} node=${node} label=${label} />`;
  }
  return html`<div class="array"><${Facts} node=${node} /></div>`;
}

function Facts({ node }) {
  const facts = [
    ...Object.entries(node.stats ?? {}).map(([name, value]) => [name, number(decodeNumber(value))]),
    ...(node.device ? [["on", node.device]] : []),
  ];
  if (!facts.length) return html`<p class="small quiet">values are not sent</p>`;
  return html`<dl class="facts small">
    ${facts.map(
      ([name, text]) =>
        html`<div key=${name}>
          <dt>${name}</dt>
          <dd>${text}</dd>
        </div>`,
    )}
  </dl>`;
}

function HeatMap({ node, label }) {
  const rows = node.shape.length === 2 ? node.data : [node.shape.length ? node.data : [node.data]];
  const values = rows.map((row) => row.map(decodeNumber));
  const canvas = useRef(null);
  const cell = useSignal(null);
  const colours = palette.value;
  useLayoutEffect(() => paint(canvas.current, values, colours), [node, colours]);
  const move = (event) => (cell.value = cellUnder(event, values));
  return html`
    <div class="array">
      <canvas
        ref=${canvas}
        class=${values.length === 1 ? "strip" : "map"}
        width=${values[0].length}
        height=${values.length}
        role="img"
        aria-label=${`${label}: ${values.length} × ${values[0].length} values`}
        style=${{ aspectRatio: ratio(values) }}
        onPointerMove=${move}
        onPointerDown=${move}
        onPointerLeave=${() => (cell.value = null)}
      ></canvas>
      <${Under} cell=${cell.value} values=${values} flat=${node.shape.length < 2} />
    </div>
  `;
}

/** The value under the pointer, else the range; always one line. */
function Under({ cell, values, flat }) {
  if (cell) {
    const place = flat ? `[${cell.column}]` : `[${cell.row}, ${cell.column}]`;
    return html`<p class="small under">
      <span class="quiet">${place}</span> ${number(values[cell.row]?.[cell.column] ?? NaN)}
    </p>`;
  }
  const { low, high } = heat(values);
  return html`<p class="small under quiet">${number(low)} to ${number(high)}</p>`;
}

/** @param {number[][]} values */
function ratio(values) {
  return values.length === 1 ? "auto" : `${values[0].length} / ${values.length}`;
}

/** @param {PointerEvent} event @param {number[][]} values */
function cellUnder(event, values) {
  const box = /** @type {Element} */ (event.currentTarget).getBoundingClientRect();
  const column = Math.floor(((event.clientX - box.left) / box.width) * values[0].length);
  const row = Math.floor(((event.clientY - box.top) / box.height) * values.length);
  return values[row]?.[column] === undefined ? null : { row, column };
}

/** @param {HTMLCanvasElement} canvas @param {number[][]} values @param {Record<string, string>} colours */
function paint(canvas, values, colours) {
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const { colour } = heat(values, colours);
  values.forEach((row, y) =>
    row.forEach((value, x) => {
      context.fillStyle = colour(value);
      context.fillRect(x, y, 1, 1);
    }),
  );
}
