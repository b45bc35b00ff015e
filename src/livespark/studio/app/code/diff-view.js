/** One file's diff: numbers of before and after, a sign, and the line. */

import { html, useSignal } from "../../vendor/preact.js";
import { whole } from "../format.js";
import { countOf, hunksOf } from "./diff.js";

const MANY = 600;

/**
 * @param {object} props
 * @param {import("../../client/types.js").FileChange} props.file
 * @param {(file: import("../../client/types.js").FileChange, which: "before" | "after") => void} [props.onRead]
 */
export function Diff({ file, onRead }) {
  const all = useSignal(false);
  const hunks = hunksOf(file);
  const rows = hunks.flatMap((hunk, index) => [{ head: hunk.where, index }, ...hunk.lines]);
  const shown = all.value ? rows : rows.slice(0, MANY);
  const { added, removed } = countOf([file]);
  return html`
    <section class="diff" aria-label=${`Changes of ${file.path}`}>
      <header class="diff-head">
        <h4 class="mono">${file.path}</h4>
        <span class="quiet small">${file.before ? `+${whole(added)} −${whole(removed)}` : "new to the run"}</span>
        <span class="spacer"></span>
        ${onRead && html`<${Versions} file=${file} onRead=${onRead} />`}
      </header>
      ${hunks.length > 0 && html`<${Rows} rows=${shown} path=${file.path} />`}
      ${hunks.length === 0 && html`<p class="empty-line quiet small">No lines to compare.</p>`}
      ${
        shown.length < rows.length &&
        html`<p class="more"><button onClick=${() => (all.value = true)}>All ${whole(rows.length)} lines</button></p>`
      }
    </section>
  `;
}

function Versions({ file, onRead }) {
  const button = (which, text) =>
    file[which] &&
    html`<button class="plain" aria-label=${`${file.path} ${text}`} onClick=${() => onRead(file, which)}>
      ${text}
    </button>`;
  return html`${button("before", "before")}${button("after", "after")}`;
}

function Rows({ rows, path }) {
  return html`
    <table class="diff-lines mono">
      <caption class="visually-hidden">
        Changed lines of ${path}: number before, number after, sign, line
      </caption>
      <colgroup>
        <col class="line-number" />
        <col class="line-number" />
        <col class="sign" />
        <col />
      </colgroup>
      <tbody>
        ${rows.map((row, index) => ("head" in row ? html`<${Head} key=${index} row=${row} />` : html`<${Row} key=${index} row=${row} />`))}
      </tbody>
    </table>
  `;
}

function Head({ row }) {
  if (!row.head && row.index === 0) return null;
  return html`<tr class="diff-where">
    <td colspan="4">${row.head || "⋯"}</td>
  </tr>`;
}

const CLASSES = { "+": "added", "-": "removed", " ": "" };
const SIGNS = { "+": "+", "-": "−", " ": "" };

function Row({ row }) {
  return html`
    <tr class=${CLASSES[row.sign]}>
      <td class="line-number">${row.before}</td>
      <td class="line-number">${row.after}</td>
      <td class="sign">${SIGNS[row.sign]}</td>
      <td class="line-text">${row.text}</td>
    </tr>
  `;
}
