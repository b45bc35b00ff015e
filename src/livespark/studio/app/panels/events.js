/** The record: who asked for what and what became of it, states, notices. Newest first. */

import { html, useSignal } from "../../vendor/preact.js";
import { changedText, reloadAnswer, verdictOf } from "../code/words.js";
import { clock, moment, whole } from "../format.js";
import { Value } from "../functions/result.js";
import { stateEntry } from "../snapshots/events.js";
import { Traceback } from "../traceback.js";
import { describe } from "../words.js";

const PAGE = 200;

/** @param {{model: import("../run/model.js").RunModel}} props */
export function Events({ model }) {
  const shown = useSignal(PAGE);
  void model.recordTick.value;
  const entries = model.record.entries;
  const hidden = entries.length - shown.value;
  const more = () => (shown.value += PAGE);
  const newest = entries.slice(-shown.value).reverse();
  if (!entries.length)
    return html`<p class="empty-line quiet">
      Nothing has happened yet. Every pause, edit and call will stand here, with its answer.
    </p>`;
  return html`
    <ul class="events">
      ${newest.map((entry) => html`<${Entry} key=${`${entry.kind}${entry.seq}`} entry=${entry} model=${model} />`)}
    </ul>
    ${hidden > 0 && html`<p class="more"><button onClick=${more}>Earlier ones (${whole(hidden)})</button></p>`}
  `;
}

function Entry({ entry, model }) {
  const { tone, what, outcome, body } = KINDS[entry.kind](entry, model);
  return html`
    <li class="event">
      <time class="quiet" title=${moment(entry.time)}>${clock(entry.time)}</time>
      <span class="dot ${tone}"></span>
      <span class="event-what">${what}</span>
      <span class="event-outcome ${tone}">${outcome}</span>
      ${body && html`<div class="event-body">${body}</div>`}
    </li>
  `;
}

const KINDS = {
  command: ({ command, actor, answer, started }) => ({
    tone: answer ? TONES[answer.outcome] : "calm",
    what: html`<strong>${command.kind === "set" || command.kind === "call" ? `${command.kind} ` : ""}</strong
      >${describe(command)} <span class="quiet">by ${actor}</span>`,
    outcome: answer ? outcomeText(command, answer) : started ? "under way" : "waits for the next checkpoint",
    body: bodyOf(command, answer),
  }),
  reload: ({ seq, event }, model) => ({
    tone: verdictOf(event).tone,
    what: html`<strong>new code</strong> ${changedText(event)}
      ${event.kind && html`<span class="quiet">${event.kind}</span> `}
      <button class="link" onClick=${() => model.showReload(seq)}>diff</button>`,
    outcome: [verdictOf(event).word, at(event.step)].filter(Boolean).join(" "),
  }),
  status: ({ event }) => ({
    tone: event.state === "failed" || event.state === "held" ? "bad" : "calm",
    what: html`<strong>${event.state}</strong>${event.reason && html` <span class="quiet">${event.reason}</span>`}`,
    outcome: at(event.step),
    body: event.error && html`<${Folded} summary="traceback"><${Traceback} failure=${event.error} /><//>`,
  }),
  notice: ({ event }) => ({
    tone: { info: "calm", warning: "warn", error: "bad" }[event.level],
    what: event.text,
    outcome: event.level === "info" ? "" : event.level,
  }),
  state: ({ event }, model) => stateEntry(event, model),
  gap: ({ text }) => ({ tone: "warn", what: text, outcome: "gap" }),
};

const TONES = { applied: "good", refused: "warn", failed: "bad", unknown: "bad" };

/** @param {{kind: string}} command @param {import("../../client/types.js").Answer} answer */
function outcomeText(command, answer) {
  const { outcome, step, message, error } = answer;
  if (command.kind === "reload") return reloadAnswer(answer);
  const why = message || (error ? `${error.type}: ${error.message}` : "");
  if (outcome === "applied") return ["applied", at(step)].filter(Boolean).join(" ");
  return why ? `${outcome}: ${why}` : outcome;
}

/** @param {number | null | undefined} step */
const at = (step) => (step === null || step === undefined ? "" : `at step ${whole(step)}`);

function bodyOf(command, answer) {
  if (answer?.error) return html`<${Folded} summary="traceback"><${Traceback} failure=${answer.error} /><//>`;
  if (command.kind === "call" && answer?.outcome === "applied")
    return html`<${Folded} summary="result"><${Value} node=${answer.value ?? null} /><//>`;
  return null;
}

function Folded({ summary, children }) {
  const open = useSignal(false);
  return html`<details onToggle=${(event) => (open.value = event.target.open)}>
    <summary class="small quiet">${summary}</summary>
    ${open.value && children}
  </details>`;
}
