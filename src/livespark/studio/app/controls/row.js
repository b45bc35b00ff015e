/** One exposed scalar: its name, its value or editor, and what became of the last edit. */

import { decodeNode } from "../../client/index.js";
import { html, useMemo, useRef } from "../../vendor/preact.js";
import { brief, number } from "../format.js";
import { Icon } from "../icons.js";
import { Edit } from "./edit.js";
import { Editor, kindOf } from "./editors.js";
import { withReach } from "./reach.js";

/** Editors that take a line of their own. */
const WIDE = new Set(["slider", "text", "json"]);

/** @param {{branch: import("./tree.js").Branch, model: import("../run/model.js").RunModel}} props */
export function Row({ branch, model }) {
  const field = model.fields.value[branch.path];
  if (!field || field.read_only) return html`<${Plain} branch=${branch} model=${model} field=${field} />`;
  return html`<${Editable} branch=${branch} model=${model} field=${field} />`;
}

function Plain({ branch, model, field }) {
  const node = model.node(branch.path).value;
  const value = decodeNode(node);
  const text = typeof value === "number" ? number(value) : brief(node, 200);
  const odd = typeof value === "number" && !Number.isFinite(value);
  return html`
    <div class="row">
      <span class="row-label" title=${field?.doc || branch.path}>${branch.label}</span>
      ${field?.read_only && html`<${ReadOnly} why=${field.read_only} />`}
      <span class="row-value ${odd ? "odd" : ""} ${typeof value}" title=${text}>${text}</span>
    </div>
  `;
}

/** A lock that says why, when it is pointed at or focused. */
function ReadOnly({ why }) {
  return html`
    <span class="reason" tabindex="0" role="note" aria-label=${`read-only: ${why}`} data-tip=${why}>
      <${Icon} name="lock" />
    </span>
  `;
}

function Editable({ branch, model, field }) {
  const edit = useMemo(() => new Edit(model, branch.path), [model, branch.path]);
  const node = edit.wanted.value === undefined ? model.node(branch.path).value : edit.wanted.value;
  const reach = useRef(field.shape);
  const shape = (reach.current = withReach(branch.path, field.shape, node, reach.current));
  const kind = kindOf(shape);
  return html`
    <div class="row editable ${WIDE.has(kind) ? "wide" : ""}">
      <span class="row-label" title=${field.doc || branch.path}>${branch.label}</span>
      <${Verdict} edit=${edit} />
      <div class="row-editor">
        <${Editor}
          node=${node}
          shape=${shape}
          label=${branch.path}
          commit=${(value) => void edit.commit(value)}
          refuse=${(why) => edit.refuse(why)}
        />
      </div>
    </div>
  `;
}

/** @param {{edit: Edit}} props */
export function Verdict({ edit }) {
  const { phase, text } = edit.verdict.value;
  return html`
    <span class="verdict ${phase}" role="status" aria-live="polite">
      ${phase === "refused" ? html`<span class="bubble">refused: ${text}</span>` : text}
    </span>
  `;
}
