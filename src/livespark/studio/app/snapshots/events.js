/** What happened to saved state, as lines of the record. */

import { html } from "../../vendor/preact.js";
import { whole } from "../format.js";
import { attemptText, causeText, resumedText, rewoundText, sizeText, stepName, valuesText } from "./words.js";

/**
 * @param {import("../../client/types.js").RunEvent} event
 * @param {import("../run/model.js").RunModel} model
 * @returns {{tone: string, what: any, outcome: string}}
 */
export const stateEntry = (event, model) => ENTRIES[event.type](event, model);

const ENTRIES = {
  snapshotted: ({ snapshot }, model) => ({
    tone: "good",
    what: html`<button class="link" onClick=${() => model.showSnapshot(snapshot.number)}>
        snapshot ${whole(snapshot.number)}</button
      >${" "}${snapshot.label && html`<strong>${snapshot.label}</strong> `}
      <span class="quiet">${[causeText(snapshot.cause), sizeText(snapshot)].join(", ")}</span>`,
    outcome: at(snapshot.step),
  }),
  "snapshot-failed": ({ cause, label, message, step }) => ({
    tone: "bad",
    what: html`<strong>no snapshot</strong> ${message} <span class="quiet">${label || causeText(cause)}</span>`,
    outcome: at(step),
  }),
  "snapshots-removed": ({ numbers, actor }) => ({
    tone: "calm",
    what: `${numbers.length > 1 ? "snapshots" : "snapshot"} ${numbers.map(whole).join(", ")} removed`,
    outcome: actor ? `by ${actor}` : "newer ones stay",
  }),
  rewound: (event) => ({
    tone: "warn",
    what: html`${rewoundText(event)}${" "}
      <span class="quiet">
        ${[event.automatic && event.reason, valuesText(event.values), event.message].filter(Boolean).join("; ")}
      </span>`,
    outcome: event.automatic ? "by itself" : "",
  }),
  resumed: (event, model) => ({
    tone: "calm",
    what: html`${resumedText(event, model.id)} <span class="quiet">${(event.notes ?? []).join(" ")}</span>`,
    outcome: at(event.step),
  }),
  attempt: (event) => ({
    tone: "warn",
    what: html`<strong>started again</strong> ${event.reason}`,
    outcome: attemptText(event),
  }),
};

/** @param {number | null | undefined} step */
const at = (step) => stepName(step) && `at ${stepName(step)}`;
