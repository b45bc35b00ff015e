/** One snapshot: its line, and below it what it holds or the form of what is to be done with it. */

import { html, useEffect, useMemo, useRef } from "../../vendor/preact.js";
import { decodeNumber, uuid } from "../../client/index.js";
import { clock, moment, steady, whole } from "../format.js";
import { Icon } from "../icons.js";
import { hasEnded } from "../words.js";
import { Deed } from "./deed.js";
import { Detail } from "./detail.js";
import { ForkForm } from "./fork-form.js";
import { RewindForm } from "./rewind-form.js";
import { Outcome } from "./verdict.js";
import { causeText, isMeant, sizeText } from "./words.js";

const METRICS = 3;
const WATCHED = /loss|acc|error|reward|score/i;

/**
 * @param {object} props
 * @param {import("./shelf.js").Kept} props.kept
 * @param {import("../run/model.js").RunModel} props.model
 */
export function Item({ kept, model }) {
  const { info } = kept;
  const view = model.snapshots;
  const part = view.open.value?.number === info.number ? view.open.value.part : "";
  const head = useRef(null);
  const deed = useMemo(() => new Deed(), [info.number]);
  useEffect(() => {
    if (view.wanted.value !== info.number) return;
    view.wanted.value = 0;
    head.current.focus({ preventScroll: true });
    head.current.scrollIntoView({ block: "nearest" });
  }, [view.wanted.value]);
  const inMemory = model.memory.value.some(({ number }) => number === info.number);
  return html`
    <li
      class="snap ${kept.earlier ? "earlier" : ""}"
      onKeyDown=${({ key }) => key === "Escape" && part && part !== "detail" && view.close()}
    >
      <div class="snap-line">
        <button
          class="snap-head"
          ref=${head}
          aria-expanded=${part === "detail"}
          aria-controls=${`snapshot-${info.number}`}
          onClick=${() => view.toggle(info.number, "detail")}
        >
          <span class="snap-number">${whole(info.number)}</span>
          <span class="snap-what">
            <span class="snap-step"
              >${info.step === null || info.step === undefined ? "no step" : `step ${whole(info.step)}`}</span
            >
            <${Label} info=${info} earlier=${kept.earlier} />
          </span>
          <${Metrics} metrics=${info.metrics ?? {}} best=${model.info.value?.best ?? ""} />
          <span class="snap-size quiet">${sizeText(info)}${inMemory && html`<span class="tag">in memory</span>`}</span>
          <time class="quiet" title=${moment(info.time)}>${clock(info.time)}</time>
        </button>
        <${Ways} info=${info} model=${model} deed=${deed} part=${part} />
      </div>
      <${Outcome} deed=${deed} />
      <div id=${`snapshot-${info.number}`} hidden=${!part}>
        ${part && html`<${PARTS[part]} info=${info} model=${model} deed=${deed} />`}
      </div>
    </li>
  `;
}

const PARTS = { detail: Detail, rewind: RewindForm, fork: ForkForm };

function Label({ info, earlier }) {
  return html`
    ${info.label ? html`<strong class="snap-label">${info.label}</strong>` : html`<span class="quiet">${causeText(info.cause)}</span>`}
    ${earlier && html`<span class="tag">earlier branch</span>`}
    ${info.message && html`<span class="tag warn" title=${info.message}>incomplete</span>`}
  `;
}

/** The metric of which the best are kept first, then those that people watch. */
function Metrics({ metrics, best }) {
  const entries = Object.entries(metrics);
  const rank = (/** @type {string} */ name) => (isMeant(name, best) ? 2 : Number(WATCHED.test(name)));
  entries.sort(([one], [other]) => rank(other) - rank(one));
  return html`
    <span class="snap-metrics">
      ${entries
        .slice(0, METRICS)
        .map(
          ([name, value]) =>
            html`<span key=${name} class="snap-metric"
              ><span class="quiet">${name}</span> ${steady(decodeNumber(value))}</span
            >`,
        )}
    </span>
  `;
}

/** The ways on: back to it while the run lives, on from it when it has ended, and another run in either case. */
function Ways({ info, model, deed, part }) {
  const ways = useRef(null);
  const { closed } = model.snapshots;
  useEffect(() => {
    if (closed.value?.number !== info.number) return;
    const isLost = document.activeElement === document.body;
    if (isLost) ways.current.querySelector(`[data-opens=${closed.value.part}]`)?.focus({ preventScroll: true });
    closed.value = null;
  }, [closed.value]);
  const key = useMemo(uuid, [info.number]);
  const ended = hasEnded(model.state.value);
  const toggle = (/** @type {import("./view.js").Part} */ name) => () => model.snapshots.toggle(info.number, name);
  return html`
    <span class="snap-ways" ref=${ways}>
      ${
        ended
          ? html`<button
              aria-label=${`Resume from snapshot ${info.number}`}
              aria-disabled=${deed.busy}
              onClick=${() => void resume(info, model, deed, key)}
            >
              <${Icon} name="play" />Resume
            </button>`
          : html`<button
              aria-label=${`Rewind to snapshot ${info.number}`}
              aria-expanded=${part === "rewind"}
              data-opens="rewind"
              disabled=${deed.busy}
              onClick=${toggle("rewind")}
            >
              <${Icon} name="rewind" />Rewind
            </button>`
      }
      <button
        aria-label=${`Fork from snapshot ${info.number}`}
        aria-expanded=${part === "fork"}
        data-opens="fork"
        disabled=${deed.busy}
        onClick=${toggle("fork")}
      >
        <${Icon} name="fork" />Fork
      </button>
    </span>
  `;
}

/** A new run goes on where this one ended: one for each key, also where the first answer is lost on its way. */
async function resume(info, model, deed, key) {
  const run = await deed.run(
    "being started",
    () => model.run.fork({ key, snapshot: info.number, relation: "resume" }),
    (made) => `resumed as ${made.id}`,
  );
  if (run) location.assign(`/r/${encodeURIComponent(run.id)}`);
}
