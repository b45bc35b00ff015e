/** The snapshots of a run: take one, where they stand, and what can be done with each. */

import { html, useEffect, useMemo, useRef, useSignal } from "../../vendor/preact.js";
import { whole } from "../format.js";
import { Icon } from "../icons.js";
import { hasEnded } from "../words.js";
import { Deed } from "./deed.js";
import { Item } from "./item.js";
import { Strip } from "./strip.js";
import { Outcome } from "./verdict.js";
import { bytesText, tookText } from "./words.js";

const PAGE = 50;

/** @param {{model: import("../run/model.js").RunModel}} props */
export function Snapshots({ model }) {
  const trouble = useSignal("");
  useEffect(() => void model.listSnapshots().catch((error) => (trouble.value = error.message)), [model]);
  void model.recordTick.value;
  const kept = model.shelf.list;
  return html`
    <div class="snapshots">
      <${Head} model=${model} kept=${kept} />
      ${trouble.value && html`<p class="problem snap-trouble">The list can't be read: ${trouble.value}</p>`}
      ${kept.length ? html`<${Strip} model=${model} /><${List} model=${model} kept=${kept} />` : html`<${Empty} model=${model} />`}
    </div>
  `;
}

function Head({ model, kept }) {
  const deed = useMemo(() => new Deed(), [model]);
  const label = useSignal("");
  const take = async (event) => {
    event.preventDefault();
    const done = await deed.run("under way", () => model.run.snapshot(label.value.trim()), tookText);
    if (done) label.value = "";
  };
  return html`
    <div class="snap-top">
      ${
        !hasEnded(model.state.value) &&
        html`<form class="snap-take" onSubmit=${take}>
          <input
            aria-label="Label of the snapshot"
            placeholder="label, kept for ever"
            maxlength="200"
            value=${label.value}
            onInput=${(event) => (label.value = event.target.value)}
          />
          <button class="primary" aria-disabled=${deed.busy}><${Icon} name="camera" />Take snapshot</button>
        </form>`
      }
      <${Outcome} deed=${deed} />
      <${Sums} model=${model} kept=${kept} />
    </div>
  `;
}

function Sums({ model, kept }) {
  const memory = model.memory.value;
  const written = kept.reduce((sum, { info }) => sum + (info.written ?? 0), 0);
  const words = [
    kept.length > 0 && `${whole(kept.length)} on disk, ${bytesText(written)} written`,
    memory.length > 0 && `${whole(memory.length)} in memory`,
  ];
  return html`<span class="snap-sums small quiet">${words.filter(Boolean).join(" · ")}</span>`;
}

function List({ model, kept }) {
  const shown = useSignal(PAGE);
  const wanted = kept.findIndex(({ info }) => info.number === model.snapshots.open.value?.number);
  const count = wanted < 0 ? shown.value : Math.max(shown.value, kept.length - wanted);
  const hidden = kept.length - count;
  const list = useRef(null);
  useEffect(() => {
    if (!model.snapshots.deleted.value) return;
    list.current.focus({ preventScroll: true });
    model.snapshots.deleted.value = 0;
  }, [kept.length]);
  return html`
    <ul aria-label="Snapshots, newest first" tabindex="-1" ref=${list}>
      ${kept
        .slice(-count)
        .reverse()
        .map((one) => html`<${Item} key=${one.info.number} kept=${one} model=${model} />`)}
    </ul>
    ${
      hidden > 0 &&
      html`<p class="more"><button onClick=${() => (shown.value += PAGE)}>Earlier ones (${whole(hidden)})</button></p>`
    }
  `;
}

function Empty({ model }) {
  if (hasEnded(model.state.value))
    return html`<div class="empty">
      <h3>No snapshots</h3>
      <p class="quiet">None was taken, or none was kept. A run that is to be resumed later needs one:</p>
      <p><code class="command">livespark run --snapshot-every 10m train.py</code></p>
    </div>`;
  return html`
    <div class="empty">
      <h3>No snapshots yet</h3>
      <p class="quiet">
        A snapshot saves what is persisted, the loops' positions and the random generators. From each one the run can go
        back, resume after its end, or be forked. Take one above, in the script, or by the clock:
      </p>
      <p><code class="command">spark.snapshot("before the change")</code></p>
      <p><code class="command">livespark dev --snapshot-every 500 train.py</code></p>
    </div>
  `;
}
