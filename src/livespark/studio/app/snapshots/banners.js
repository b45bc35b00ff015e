/** What happened to a run's state and must not be overlooked. Each stays until it is dismissed, or replaced. */

import { html, useSignal } from "../../vendor/preact.js";
import { Icon } from "../icons.js";
import { Traceback } from "../traceback.js";
import { hasEnded } from "../words.js";
import { attemptText, causeText, resumedText, rewoundText, stepName, valuesText } from "./words.js";

/** @param {{model: import("../run/model.js").RunModel}} props */
export function SnapshotBanners({ model }) {
  const dismissed = useSignal(read(model.id));
  if (hasEnded(model.state.value)) return null;
  const nameOf = ({ seq, event }) =>
    event.type === "snapshot-failed" ? `failing ${model.shelf.failingSince}` : `${event.type} ${seq}`;
  const shown = model.shelfNews.value.filter((stored) => !dismissed.value.includes(nameOf(stored)));
  const close = (stored) => () => (dismissed.value = write(model.id, [...dismissed.value, nameOf(stored)]));
  return shown.map((stored) => {
    const { tone, icon, title, body } = BANNERS[stored.event.type](stored.event, model);
    return html`
      <section
        key=${nameOf(stored)}
        class="edit state-news card ${tone}"
        role=${tone === "calm" ? "note" : "alert"}
        aria-label=${title}
      >
        <header>
          <h2><${Icon} name=${icon} />${title}</h2>
          <button class="plain icon" aria-label="Dismiss" title="Dismiss" onClick=${close(stored)}>
            <${Icon} name="close" />
          </button>
        </header>
        ${body}
      </section>
    `;
  });
}

const BANNERS = {
  "snapshot-failed": ({ cause, message, step, label }) => ({
    tone: "warn",
    icon: "alert",
    title: "A snapshot could not be saved",
    body: html`
      <p>${message}</p>
      <p class="small quiet advice">
        ${[label || causeText(cause), stepName(step)].filter(Boolean).join(", ")}. Training goes on, and older snapshots
        are intact. The next one that succeeds ends this.
      </p>
    `,
  }),
  rewound: (event) => ({
    tone: "warn",
    icon: "rewind",
    title: "The run went back by itself",
    body: html`
      <p>${event.reason}</p>
      <p class="small quiet advice">${[rewoundText(event), valuesText(event.values)].filter(Boolean).join("; ")}</p>
    `,
  }),
  attempt: (event) => ({
    tone: "warn",
    icon: "reset",
    title: "The run was started again",
    body: html`
      <p>${event.reason}</p>
      ${event.error && html`<${Traceback} failure=${event.error} />`}
      <p class="small quiet advice">${attemptText(event)}</p>
    `,
  }),
  resumed: (event, model) => ({
    tone: "calm",
    icon: "play",
    title: sentence(resumedText(event, model.id)),
    body: html`<ul class="notes">
      ${event.notes.map((note) => html`<li key=${note}>${note}</li>`)}
    </ul>`,
  }),
};

/** @param {string} text */
const sentence = (text) => text[0].toUpperCase() + text.slice(1);

/** @param {string} run */
const keyOf = (run) => `livespark-dismissed-state-${run}`;

/** @param {string} run @returns {string[]} */
const read = (run) => JSON.parse(sessionStorage.getItem(keyOf(run)) ?? "[]");

/** @param {string} run @param {string[]} names */
function write(run, names) {
  sessionStorage.setItem(keyOf(run), JSON.stringify(names));
  return names;
}
