/** What a call gave: shown by its type, or the error with its traceback folded. */

import { decodeNode, tagOf } from "../../client/index.js";
import { html } from "../../vendor/preact.js";
import { ArrayView } from "../controls/array.js";
import { ModuleTable } from "../controls/module.js";
import { brief, duration, number, whole } from "../format.js";
import { Traceback } from "../traceback.js";

/**
 * @param {object} props
 * @param {import("./call.js").FunctionCall} props.call
 * @param {import("../../client/types.js").Callable} props.callable
 * @param {import("../run/model.js").RunModel} props.model
 */
export function Result({ call, callable, model }) {
  if (call.pending.value) return html`<p class="result quiet small" role="status">${waiting(callable, model)}</p>`;
  const answer = call.answer.value;
  if (!answer) return callable.running ? html`<p class="result quiet small">is being executed</p>` : null;
  return html`<div class="result" role="status"><${Answer} answer=${answer} /></div>`;
}

/** @param {{running?: boolean, concurrent?: boolean}} callable @param {import("../run/model.js").RunModel} model */
function waiting({ running, concurrent }, model) {
  if (running) return "is being executed";
  return model.state.value === "running" && !concurrent ? "waits for the next checkpoint" : "asked";
}

function Answer({ answer }) {
  if (answer.outcome === "refused") return html`<p class="problem">refused: ${answer.message}</p>`;
  if (answer.outcome === "unknown")
    return html`<p class="problem">unknown: ${answer.message || "the worker died before it answered"}</p>`;
  if (answer.outcome === "failed") return html`<${Traceback} failure=${answer.error} />`;
  return html`<${Value} node=${answer.value ?? null} />
    <p class="small quiet">${when(answer)}</p>`;
}

/** @param {{step?: number | null, seconds: number}} answer */
function when({ step, seconds }) {
  const took = seconds < 60 ? `${number(seconds, 2)} s` : duration(seconds);
  return [step === null || step === undefined ? "" : `at step ${whole(step)}`, `after ${took}`]
    .filter(Boolean)
    .join(", ");
}

/** @param {{node: any}} props */
export function Value({ node }) {
  const tag = tagOf(node);
  if (tag === "array") return html`<${ArrayView} node=${node} label="result" />`;
  if (tag === "module") return html`<${ModuleTable} node=${node} label="result" />`;
  const value = decodeNode(node);
  if (typeof value === "number" || typeof value === "bigint")
    return html`<p class="result-number" title=${String(value)}>${number(value, 6)}</p>`;
  if (typeof value === "string") return html`<pre class="source">${value}</pre>`;
  if (value === null || tag || typeof value === "boolean") return html`<p class="mono">${brief(node)}</p>`;
  return html`<${Entries} node=${node} />`;
}

function Entries({ node }) {
  const entries = Array.isArray(node) ? node.map((item, index) => [String(index), item]) : Object.entries(node);
  if (!entries.length) return html`<p class="mono">${Array.isArray(node) ? "[]" : "{}"}</p>`;
  return html`
    <dl class="entries">
      ${entries.slice(0, 100).map(
        ([name, item]) =>
          html`<div key=${name}>
            <dt>${name}</dt>
            <dd><${Value} node=${item} /></dd>
          </div>`,
      )}
    </dl>
    ${entries.length > 100 && html`<p class="small quiet">and ${whole(entries.length - 100)} more</p>`}
  `;
}
