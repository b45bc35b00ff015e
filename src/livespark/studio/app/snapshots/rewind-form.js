/** Going back: to which step, with which numbers changed, and with the items in between or without them. */

import { html, useSignal } from "../../vendor/preact.js";
import { decodeNode } from "../../client/index.js";
import { typed, whole } from "../format.js";
import { numbersOf, readChanges } from "./forms.js";
import { stepName } from "./words.js";

/**
 * @param {object} props
 * @param {import("../../client/types.js").SnapshotInfo} props.info
 * @param {import("../run/model.js").RunModel} props.model
 * @param {import("./deed.js").Deed} props.deed
 */
export function RewindForm({ info, model, deed }) {
  const changes = useSignal([]);
  const skip = useSignal(false);
  const first = useSignal(false);
  const submit = (event) => {
    event.preventDefault();
    void rewind({ info, model, deed, changes: changes.value, skip: skip.value, first: first.value });
  };
  return html`
    <form class="snap-form" aria-label=${`Rewinding to snapshot ${info.number}`} onSubmit=${submit}>
      <p>${describe(info, model.step.value)} What is drawn beyond it stays on the charts, muted.</p>
      <${Changes} changes=${changes} model=${model} />
      <${Check} signal=${skip}>Skip the items in between, instead of doing them again<//>
      <${Check} signal=${first}>Take a snapshot of where it is now, first<//>
      <p class="ways">
        <button class="primary" aria-disabled=${deed.busy}>
          Rewind to ${stepName(info.step) || `snapshot ${info.number}`}
        </button>
        <button type="button" onClick=${() => model.snapshots.close()}>Cancel</button>
      </p>
    </form>
  `;
}

/** @param {import("../../client/types.js").SnapshotInfo} info @param {number | null} now */
function describe(info, now) {
  const from = now === null ? "" : ` from ${stepName(now)}`;
  const to = stepName(info.step) ? ` to ${stepName(info.step)}` : ` to snapshot ${info.number}`;
  return `State, data position and random generators go back${from}${to}, and training goes on there.`;
}

async function rewind({ info, model, deed, changes, skip, first }) {
  const action = async () => {
    const values = readChanges(changes, model.fields.value);
    if (first) await model.run.snapshot(`before the rewind to ${info.number}`);
    return model.ask({ kind: "rewind", snapshot: info.number, values, skip });
  };
  const applied = async () => {
    const answer = await action();
    if (answer.outcome !== "applied") throw new Error(answer.message || answer.error?.message || answer.outcome);
    return answer;
  };
  const done = await deed.run("waits for the next checkpoint", applied, ({ message }) =>
    [`rewound to ${stepName(info.step) || `snapshot ${whole(info.number)}`}`, message].filter(Boolean).join("; "),
  );
  if (done) model.snapshots.close();
}

function Check({ signal, children }) {
  return html`
    <label class="snap-check">
      <input type="checkbox" checked=${signal.value} onChange=${(event) => (signal.value = event.target.checked)} />
      ${children}
    </label>
  `;
}

/** Exposed numbers to be changed along with it. */
function Changes({ changes, model }) {
  const chosen = changes.value.map(({ path }) => path);
  const left = numbersOf(model.fields.value).filter((path) => !chosen.includes(path));
  const add = ({ target }) => {
    const path = target.value;
    if (path) changes.value = [...changes.value, { path, text: typed(decodeNode(model.node(path).value) ?? 0) }];
    target.value = "";
  };
  return html`
    ${changes.value.map(({ path, text }) => {
      const change = ({ target }) =>
        (changes.value = changes.value.map((one) => (one.path === path ? { path, text: target.value } : one)));
      return html`<div key=${path} class="snap-field">
        <span class="mono">${path}</span>
        <input aria-label=${path} inputmode="decimal" value=${text} onInput=${change} />
        <button
          type="button"
          class="link"
          aria-label=${`Leave ${path} as it was`}
          onClick=${() => (changes.value = changes.value.filter((one) => one.path !== path))}
        >
          remove
        </button>
      </div>`;
    })}
    ${
      left.length > 0 &&
      html`<label class="snap-field">
        <span>Change a number, too</span>
        <select onChange=${add}>
          <option value="">none</option>
          ${left.map((path) => html`<option key=${path} value=${path}>${path}</option>`)}
        </select>
      </label>`
    }
  `;
}
