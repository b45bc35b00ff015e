/** The reloads of a run, newest first; an open one shows what it changed and what went wrong. */

import { html, useEffect, useRef, useSignal } from "../../vendor/preact.js";
import { clock, moment, whole } from "../format.js";
import { Icon } from "../icons.js";
import { Traceback } from "../traceback.js";
import { countOf } from "./diff.js";
import { Diff } from "./diff-view.js";
import { Fault } from "./fault.js";
import { changedText, isSyntax, kindText, messageOf, stepText, tookText, verdictOf } from "./words.js";

const PAGE = 100;

/** @param {{model: import("../run/model.js").RunModel}} props */
export function Reloads({ model }) {
  const shown = useSignal(PAGE);
  void model.recordTick.value;
  const { reloads } = model.record;
  const wanted = reloads.findLastIndex(({ seq }) => seq === model.code.wanted.value);
  const count = wanted < 0 ? shown.value : Math.max(shown.value, reloads.length - wanted);
  const hidden = reloads.length - count;
  useEffect(() => {
    if (wanted >= 0) shown.value = count;
  }, [wanted]);
  if (!reloads.length) return html`<${Empty} />`;
  return html`
    <section class="reloads" aria-label="Reloads">
      <ul>
        ${reloads
          .slice(-count)
          .reverse()
          .map((entry) => html`<${Reload} key=${entry.seq} entry=${entry} view=${model.code} />`)}
      </ul>
      ${
        hidden > 0 &&
        html`<p class="more">
          <button onClick=${() => (shown.value += PAGE)}>Earlier ones (${whole(hidden)})</button>
        </p>`
      }
    </section>
  `;
}

function Empty() {
  return html`
    <div class="empty">
      <h3>No edits yet</h3>
      <p class="quiet">
        Save a file, and its change appears here: what it did, when it took effect, and its diff. The model stays in
        memory.
      </p>
    </div>
  `;
}

function Reload({ entry, view }) {
  const { seq, time, event } = entry;
  const open = view.opened.value.has(seq);
  const head = useRef(null);
  useEffect(() => {
    if (view.wanted.value !== seq) return;
    view.wanted.value = 0;
    head.current.focus({ preventScroll: true });
    head.current.scrollIntoView({ block: "start" });
  }, [view.wanted.value]);
  return html`
    <li class="reload-item">
      <button
        class="reload-head"
        ref=${head}
        aria-expanded=${open}
        aria-controls=${`reload-${seq}`}
        onClick=${() => view.toggle(seq)}
      >
        <time class="quiet" title=${moment(time)}>${clock(time)}</time>
        <${Outcome} event=${event} />
        <span class="reload-what">${changedText(event)}</span>
        <${Figures} event=${event} />
      </button>
      <div id=${`reload-${seq}`} hidden=${!open}>${open && html`<${Details} event=${event} view=${view} />`}</div>
    </li>
  `;
}

function Outcome({ event }) {
  const { word, tone, icon } = verdictOf(event);
  return html`<span class="outcome ${tone}"><${Icon} name=${icon} />${word}</span>`;
}

function Figures({ event }) {
  const { added, removed } = countOf(event.files ?? []);
  return html`
    <span class="reload-figures quiet">
      <span class="kind-word">${event.kind ?? ""}</span>
      <span class="lines-count" title=${`${added} lines added, ${removed} removed`}>
        <span class="plus">+${whole(added)}</span> <span class="minus">−${whole(removed)}</span>
      </span>
      <span class="reload-step">${stepText(event.step)}</span>
      <span class="reload-took">${event.outcome === "refused" ? "" : tookText(event.seconds ?? 0)}</span>
    </span>
  `;
}

function Details({ event, view }) {
  const { changed = [], files = [], error, kind } = event;
  const message = messageOf(event);
  return html`
    <div class="reload-details">
      ${message && html`<p class="reload-message">${message}</p>`}
      ${error && isSyntax(error) && html`<${Fault} event=${event} />`}
      ${error && !isSyntax(error) && html`<${Traceback} failure=${error} open />`}
      ${kind && html`<p class="small quiet">${kindText(kind)}</p>`}
      ${changed.length > 3 && html`<p class="small names">${changed.join(", ")}</p>`}
      ${files.map((file) => html`<${Diff} key=${file.path} file=${file} onRead=${reader(view, event)} />`)}
    </div>
  `;
}

/** What reads a whole version of a changed file. */
function reader(view, event) {
  return (file, which) => {
    const when = { before: "before this edit", after: "with this edit" }[which];
    view.file.value = {
      path: file.path,
      hash: file[which],
      when: [when, stepText(event.step)].filter(Boolean).join(", "),
    };
  };
}
