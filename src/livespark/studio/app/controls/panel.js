/** What can be changed and called, beside the charts that answer to it. */

import { html, useComputed } from "../../vendor/preact.js";
import { Functions } from "../functions/functions.js";
import { hasEnded } from "../words.js";
import { Section } from "./section.js";
import { buildTree, sections } from "./tree.js";

/** @param {{model: import("../run/model.js").RunModel}} props */
export function Controls({ model }) {
  const shown = useComputed(() => sections(buildTree(model.values.structure.value)));
  const nothing = !shown.value.length && !Object.keys(model.functions.value).length;
  return html`
    <aside class="controls" aria-label="Exposed values and functions">
      ${nothing && !hasEnded(model.state.value) && html`<${Empty} />`}
      <${Functions} model=${model} />
      ${shown.value.map((section) => html`<${Section} key=${section.path} section=${section} model=${model} />`)}
    </aside>
  `;
}

function Empty() {
  return html`
    <div class="empty card">
      <h3>Nothing exposed yet</h3>
      <p class="quiet">Values become editable and functions callable with one line:</p>
      <p><code class="command">spark.expose(state=state, optimizer=opt, evaluate=evaluate)</code></p>
    </div>
  `;
}
