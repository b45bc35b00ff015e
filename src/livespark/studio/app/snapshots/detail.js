/** What a snapshot holds: values with their arrays, plain values, config, code; and getting it, or getting rid of it. */

import { html, useEffect, useMemo, useSignal } from "../../vendor/preact.js";
import { brief, shape, whole } from "../format.js";
import { Icon } from "../icons.js";
import { Deed } from "./deed.js";
import { Outcome } from "./verdict.js";
import { bytesText, causeText, counted, secondsText } from "./words.js";

const ROWS = 200;

/**
 * @param {object} props
 * @param {import("../../client/types.js").SnapshotInfo} props.info
 * @param {import("../run/model.js").RunModel} props.model
 */
export function Detail({ info, model }) {
  const detail = useSignal(null);
  const trouble = useSignal("");
  useEffect(() => {
    model.snapshots.detail(model.run, info.number).then(
      (found) => (detail.value = found),
      (error) => (trouble.value = error.message),
    );
  }, [info.number]);
  return html`
    <div class="snap-detail">
      <p class="small quiet">${facts(info)}</p>
      ${info.message && html`<p class="problem">${info.message}</p>`}
      <${Disposal} info=${info} model=${model} />
      ${trouble.value && html`<p class="problem">It can't be read: ${trouble.value}</p>`}
      ${detail.value ? html`<${Content} detail=${detail.value} />` : !trouble.value && html`<p class="quiet small">being read</p>`}
    </div>
  `;
}

/** @param {import("../../client/types.js").SnapshotInfo} info */
function facts({ cause, stall = 0, seconds = 0 }) {
  return `${causeText(cause)}; the training stood still for ${secondsText(stall)}, durable after ${secondsText(seconds)}`;
}

function Disposal({ info, model }) {
  const deed = useMemo(() => new Deed(), [info.number]);
  const armed = useSignal(false);
  useEffect(() => {
    const timer = armed.value ? setTimeout(() => (armed.value = false), 4000) : 0;
    return () => clearTimeout(timer);
  }, [armed.value]);
  const press = () => {
    if (armed.value)
      void deed.run(
        "being deleted",
        () => remove(model, info.number),
        () => "deleted",
      );
    armed.value = !armed.value;
  };
  const download = () =>
    void deed.run(
      "being fetched",
      () => save(model, info.number),
      (size) => `saved, ${bytesText(size)}`,
    );
  return html`
    <p class="ways">
      <button aria-disabled=${deed.busy} onClick=${download}><${Icon} name="down" />Download</button>
      <button
        class=${armed.value ? "danger" : ""}
        aria-disabled=${deed.busy}
        onClick=${press}
        onBlur=${() => (armed.value = false)}
        aria-label=${armed.value ? `Press again to delete snapshot ${info.number} for good` : `Delete snapshot ${info.number}`}
      >
        <${Icon} name="close" />${armed.value ? "Really?" : "Delete"}
      </button>
      <${Outcome} deed=${deed} />
    </p>
  `;
}

/** The focus goes to the list: the button that has it goes away. */
function remove(model, number) {
  model.snapshots.deleted.value = number;
  return model.run.removeSnapshot(number).catch((error) => {
    model.snapshots.deleted.value = 0;
    throw error;
  });
}

/** Fetches the archive with our token and hands it to the browser as a file. Resolves with its size in bytes. */
async function save(model, number) {
  const blob = await (await model.run.downloadSnapshot(number)).blob();
  const address = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = address;
  link.download = `${model.id}-${number}.tar`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
  return blob.size;
}

function Content({ detail }) {
  const { types, arrays, plain, exposed = {}, config = {}, code = {}, packages = {}, python = "" } = detail;
  return html`
    ${Object.keys(types).map(
      (key) =>
        html`<${Saved}
          key=${key}
          name=${key}
          type=${types[key]}
          arrays=${arrays[key] ?? []}
          plain=${plain[key] ?? []}
        />`,
    )}
    <${Pairs} title="exposed values" pairs=${Object.entries(exposed)} />
    <${Pairs} title="config" pairs=${Object.entries(config)} />
    <${Pairs} title="code" pairs=${Object.entries(code).map(([path, hash]) => [path, hash.slice(0, 12)])} bare />
    <${Pairs} title=${python ? `packages, Python ${python}` : "packages"} pairs=${Object.entries(packages)} bare />
  `;
}

/** A persisted value. */
function Saved({ name, type, arrays, plain }) {
  const bytes = arrays.reduce((sum, row) => sum + row[3], 0);
  const words = [
    type,
    arrays.length && `${counted(arrays.length, "array")}, ${bytesText(bytes)}`,
    plain.length && counted(plain.length, "plain value"),
  ];
  return html`
    <details class="snap-value">
      <summary>
        <strong class="mono">${name}</strong> <span class="quiet small">${words.filter(Boolean).join(" · ")}</span>
      </summary>
      <${Arrays} rows=${arrays} />
      <${Rows} pairs=${plain} />
    </details>
  `;
}

function Arrays({ rows }) {
  if (!rows.length) return null;
  return html`
    <table class="snap-table">
      <thead>
        <tr>
          <th scope="col">array</th>
          <th scope="col">type</th>
          <th scope="col">shape</th>
          <th scope="col" class="number">size</th>
        </tr>
      </thead>
      <tbody>
        ${rows.slice(0, ROWS).map(
          ([path, dtype, sizes, bytes]) =>
            html`<tr key=${path}>
              <td class="mono">${path}</td>
              <td>${dtype}</td>
              <td>${shape(sizes)}</td>
              <td class="number">${bytesText(bytes)}</td>
            </tr>`,
        )}
      </tbody>
    </table>
    <${Rest} count=${rows.length - ROWS} />
  `;
}

function Pairs({ title, pairs, bare = false }) {
  if (!pairs.length) return null;
  return html`
    <details class="snap-value">
      <summary><span>${title}</span> <span class="quiet small">${whole(pairs.length)}</span></summary>
      <${Rows} pairs=${pairs} bare=${bare} />
    </details>
  `;
}

/** Names and values. @param {{pairs: [string, any][], bare?: boolean}} props `bare`: texts without quotes. */
function Rows({ pairs, bare = false }) {
  if (!pairs.length) return null;
  return html`
    <dl class="snap-pairs">
      ${pairs.slice(0, ROWS).map(
        ([name, value]) =>
          html`<div key=${name}>
            <dt class="mono">${name}</dt>
            <dd class="mono">${bare ? String(value) : brief(value, 200)}</dd>
          </div>`,
      )}
    </dl>
    <${Rest} count=${pairs.length - ROWS} />
  `;
}

function Rest({ count }) {
  return count > 0 ? html`<p class="small quiet">and ${whole(count)} more</p>` : null;
}
