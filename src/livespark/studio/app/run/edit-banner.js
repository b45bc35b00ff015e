/** An edit that did not take: refused as it stands, or taken back. Gone with the next one. */

import { html, useSignal } from "../../vendor/preact.js";
import { Diff } from "../code/diff-view.js";
import { Fault } from "../code/fault.js";
import { changedText, messageOf, stepText } from "../code/words.js";
import { Icon } from "../icons.js";
import { Traceback } from "../traceback.js";
import { hasEnded } from "../words.js";

/** @param {{model: import("./model.js").RunModel}} props */
export function EditBanner({ model }) {
  const dismissed = useSignal(read(model.id));
  const entry = model.lastReload.value;
  if (!entry || entry.event.outcome === "applied" || hasEnded(model.state.value)) return null;
  const name = `${entry.seq} ${entry.time}`;
  if (dismissed.value === name) return null;
  const close = () => (dismissed.value = write(model.id, name));
  const Shown = entry.event.outcome === "refused" ? Refused : Undone;
  return html`<${Shown} key=${name} entry=${entry} model=${model} onClose=${close} />`;
}

function Refused({ entry: { seq, event }, model, onClose }) {
  return html`
    <section class="edit card warn" role="alert" aria-label="The edit was not taken">
      <${Head} icon="refuse" title="The edit was not taken" onClose=${onClose} />
      ${messageOf(event) && html`<p>${messageOf(event)}</p>`}
      <${Fault} event=${event} />
      <p class="small quiet advice">
        Nothing else has happened: the run is as it was. Save a corrected file, and this goes away.${" "}
        ${event.files?.length > 0 && html`<${ToDiff} seq=${seq} model=${model} />`}
      </p>
    </section>
  `;
}

function Undone({ entry: { event }, onClose }) {
  const title = `The edit of ${changedText(event)} was taken back ${stepText(event.step)}`.trim();
  return html`
    <section class="edit card bad" role="alert" aria-label="The edit was taken back">
      <${Head} icon="undo" title=${title} onClose=${onClose} />
      ${messageOf(event) && html`<p>${messageOf(event)}</p>`} ${event.error && html`<${Traceback} failure=${event.error} />`}
      <p class="small quiet advice">The code from before runs again. What was tried:</p>
      ${event.files?.map((file) => html`<${Diff} key=${file.path} file=${file} />`)}
    </section>
  `;
}

function Head({ icon, title, onClose }) {
  return html`
    <header>
      <h2><${Icon} name=${icon} />${title}</h2>
      <button class="plain icon" aria-label="Dismiss" title="Dismiss" onClick=${onClose}>
        <${Icon} name="close" />
      </button>
    </header>
  `;
}

function ToDiff({ seq, model }) {
  return html`<button class="link" onClick=${() => model.showReload(seq)}>What was edited</button>`;
}

/** @param {string} run */
const read = (run) => sessionStorage.getItem(`livespark-dismissed-${run}`) ?? "";

/** @param {string} run @param {string} name */
function write(run, name) {
  sessionStorage.setItem(`livespark-dismissed-${run}`, name);
  return name;
}
