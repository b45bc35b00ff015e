/** Forking: a second run from a snapshot, with the code that is on disk now and another config. */

import { html, useEffect, useMemo, useSignal } from "../../vendor/preact.js";
import { uuid } from "../../client/index.js";
import { configText, readConfig } from "./forms.js";
import { stepName } from "./words.js";

/**
 * @param {object} props
 * @param {import("../../client/types.js").SnapshotInfo} props.info
 * @param {import("../run/model.js").RunModel} props.model
 * @param {import("./deed.js").Deed} props.deed
 */
export function ForkForm({ info, model, deed }) {
  const key = useMemo(uuid, [info.number]);
  const name = useSignal("");
  const texts = useSignal({});
  const more = useSignal({ name: "", text: "" });
  const config = useConfig(info, model);
  const submit = (event) => {
    event.preventDefault();
    const typed = { ...texts.value, ...(more.value.name.trim() && { [more.value.name.trim()]: more.value.text }) };
    void fork({ info, model, deed, key, name: name.value.trim(), config, texts: typed });
  };
  return html`
    <form class="snap-form" aria-label=${`Forking from snapshot ${info.number}`} onSubmit=${submit}>
      <p>
        A new run begins with the state at ${stepName(info.step) || `snapshot ${info.number}`}. It executes the code
        that is on disk now; what its code or config makes differently counts.
      </p>
      <label class="snap-field">
        <span>Name</span>
        <input placeholder="found for you" value=${name.value} onInput=${({ target }) => (name.value = target.value)} />
      </label>
      ${Object.keys(config).map((field) => html`<${Entry} key=${field} field=${field} was=${config[field]} texts=${texts} />`)}
      <${Another} more=${more} />
      <p class="ways">
        <button class="primary" aria-disabled=${deed.busy}>Start the fork</button>
        <button type="button" onClick=${() => model.snapshots.close()}>Cancel</button>
      </p>
    </form>
  `;
}

/** The config that the snapshot was taken under; until it is known, the one that the run was started with. */
function useConfig(info, model) {
  const found = useSignal(model.info.value?.config ?? {});
  useEffect(() => {
    const take = ({ config }) => (found.value = { ...found.value, ...config });
    model.snapshots.detail(model.run, info.number).then(take, () => {}); // a snapshot that can't be read refuses the fork, too
  }, [info.number]);
  return found.value;
}

function Entry({ field, was, texts }) {
  const set = ({ target }) => (texts.value = { ...texts.value, [field]: target.value });
  return html`
    <label class="snap-field">
      <span class="mono">${field}</span>
      <input value=${texts.value[field] ?? configText(was)} onInput=${set} />
    </label>
  `;
}

function Another({ more }) {
  const set =
    (part) =>
    ({ target }) =>
      (more.value = { ...more.value, [part]: target.value });
  return html`
    <div class="snap-field">
      <input
        aria-label="Name of another entry of the config"
        placeholder="another entry"
        value=${more.value.name}
        onInput=${set("name")}
      />
      <input
        aria-label="Value of the other entry"
        placeholder="value"
        value=${more.value.text}
        onInput=${set("text")}
      />
    </div>
  `;
}

async function fork({ info, model, deed, key, name, config, texts }) {
  const run = await deed.run(
    "being started",
    async () => model.run.fork({ key, name, snapshot: info.number, config: readConfig(config, texts) }),
    (made) => `forked as ${made.id}`,
  );
  if (run) location.assign(`/r/${encodeURIComponent(run.id)}`);
}
