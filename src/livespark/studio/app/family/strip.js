/** One line on where the run comes from and what came from it, with a button to compare with each. */

import { html } from "../../vendor/preact.js";
import { parentOf, placeText, relationText } from "./relatives.js";

const MANY = 6;

/** @param {{model: import("../run/model.js").RunModel}} props */
export function FamilyStrip({ model }) {
  const info = model.info.value;
  const relatives = model.family.relatives.value;
  const parent = info && parentOf(info);
  const others = relatives.filter(({ is }) => is !== "parent");
  if (!parent && !others.length) return null;
  return html`
    <section class="family" aria-label="Relatives of this run">
      ${
        parent &&
        html`<p class="relative">
          <span class="quiet">${relationText(info.origin)}</span> <${Link} id=${parent} />${" "}
          <span class="quiet">${placeText(info.origin)}</span> <${Compare} id=${parent} model=${model} />
        </p>`
      }
      ${others.slice(0, MANY).map((other) => html`<${Other} key=${other.run.id} relative=${other} model=${model} />`)}
      ${others.length > MANY && html`<a class="quiet" href="/">and ${others.length - MANY} more</a>`}
    </section>
  `;
}

const WORDS = { fork: "fork", resume: "resumed as" };

function Other({ relative: { run, is }, model }) {
  const word = is === "sibling" ? "sibling" : WORDS[run.origin.relation ?? "resume"];
  return html`
    <p class="relative">
      <span class="quiet">${word}</span> <${Link} id=${run.id} name=${run.name} />${" "}
      <span class="quiet">${placeText(run.origin)}</span> <${Compare} id=${run.id} model=${model} />
    </p>
  `;
}

/** @param {{id: string, name?: string}} props */
export function Link({ id, name = "" }) {
  return html`<a href=${`/r/${encodeURIComponent(id)}`}>${name || id}</a>`;
}

function Compare({ id, model }) {
  const { comparison } = model;
  const shown = comparison.shown.value === id;
  return html`
    <button
      class="plain compare"
      aria-pressed=${shown}
      aria-label=${`Compare with ${id}`}
      title=${`Show the curves of ${id} in the charts below`}
      onClick=${() => comparison.toggle(id)}
    >
      ${shown ? "comparing" : "compare"}
    </button>
  `;
}

/** Whose curves are which, while there are two. @param {{comparison: import("./comparison.js").Comparison}} props */
export function Legend({ comparison }) {
  const id = comparison.shown.value;
  if (!id) return null;
  const words = comparison.trouble.value || (comparison.metrics.value ? "" : "reading its metrics");
  return html`
    <span class="legend small" role="note">
      <span><span class="swatch"></span>this run</span> <span><span class="swatch other"></span>${id}</span>
      ${words && html`<span class="quiet">${words}</span>`}
      <button class="link" onClick=${() => comparison.toggle(id)}>stop comparing</button>
    </span>
  `;
}
