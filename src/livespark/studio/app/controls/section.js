/** A section of the controls: one binding with everything below it. */

import { html } from "../../vendor/preact.js";
import { brief, whole } from "../format.js";
import { ArrayView } from "./array.js";
import { ModuleTable } from "./module.js";
import { Row } from "./row.js";
import { isBlock, isContainer } from "./tree.js";

const OPEN_DEPTH = 2;
const OPEN_ITEMS = 12;

/**
 * @param {object} props
 * @param {ReturnType<typeof import("./tree.js").sections>[number]} props.section
 * @param {import("../run/model.js").RunModel} props.model
 */
export function Section({ section, model }) {
  return html`
    <section class="binding card" aria-label=${section.title}>
      <h3><span>${section.title}</span>${section.path && html`<${Kind} path=${section.path} model=${model} />`}</h3>
      <${Branches} branches=${section.children} model=${model} />
    </section>
  `;
}

/** What kind of thing it is, as far as that is worth a word. */
function Kind({ path, model }) {
  const node = model.node(path).value;
  const text = node?.$ === "object" ? node.type : node?.$ === "array" || node?.$ === "module" ? brief(node) : "";
  return text && html`<span class="kind quiet">${text}</span>`;
}

function Branches({ branches, model }) {
  if (!branches.length) return html`<p class="quiet small row">empty</p>`;
  return branches.map((branch) => html`<${Item} key=${branch.path} branch=${branch} model=${model} />`);
}

function Item({ branch, model }) {
  if (isContainer(branch)) return html`<${Group} branch=${branch} model=${model} />`;
  if (isBlock(branch)) return html`<${Block} branch=${branch} model=${model} />`;
  return html`<${Row} branch=${branch} model=${model} />`;
}

function Group({ branch, model }) {
  const node = model.node(branch.path).value;
  const open = branch.depth < OPEN_DEPTH && branch.children.length <= OPEN_ITEMS;
  return html`
    <details class="group" open=${open}>
      <summary>
        <span class="row-label">${branch.label}</span
        ><span class="kind quiet">${node?.type ?? whole(branch.children.length)}</span>
      </summary>
      <div class="group-items"><${Branches} branches=${branch.children} model=${model} /></div>
    </details>
  `;
}

function Block({ branch, model }) {
  const node = model.node(branch.path).value;
  const title =
    branch.depth > 0 &&
    html`<div class="row">
      <span class="row-label">${branch.label}</span><span class="kind quiet">${brief(node)}</span>
    </div>`;
  const View = branch.tag === "module" ? ModuleTable : ArrayView;
  return html`
    ${title} ${node && html`<${View} node=${node} label=${branch.path} />`}
    ${branch.children.map((child) => html`<${Item} key=${child.path} branch=${child} model=${model} />`)}
  `;
}
