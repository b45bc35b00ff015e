/** The fields for a function's arguments. Defaults are filled in; what is not touched is not sent. */

import { html } from "../../vendor/preact.js";
import { Editor } from "../controls/editors.js";

const EMPTY = { args: [], kwargs: {} };

/**
 * @param {object} props
 * @param {import("../../client/types.js").Parameter[]} props.parameters
 * @param {import("./call.js").FunctionCall} props.call
 * @param {string} props.path
 * @param {boolean} props.shown
 */
export function Form({ parameters, call, path, shown }) {
  return html`
    <div class="form" hidden=${!shown}>
      ${parameters.map((parameter) => {
        return html`<${Argument} key=${parameter.name} parameter=${parameter} call=${call} path=${path} />`;
      })}
    </div>
  `;
}

function Argument({ parameter, call, path }) {
  const { name, variadic } = parameter;
  const node = name in call.filled.value ? call.filled.value[name] : (parameter.default ?? EMPTY[variadic]);
  const error = call.errors.value[name];
  const shape = variadic ? { type: variadic === "args" ? "list" : "dict", editor: "json" } : parameter.shape;
  return html`
    <div class="argument">
      <label class="row-label" for=${`${path}-${name}`}
        >${name} <span class="quiet">${typeText(parameter)}</span></label
      >
      <div class="row-editor">
        <${Editor}
          id=${`${path}-${name}`}
          node=${node}
          shape=${shape}
          label=${`${name} of ${path}`}
          commit=${(value) => call.fill(name, value)}
          refuse=${(why) => call.complain(name, why)}
        />
      </div>
      ${error && html`<p class="small problem" role="alert">${error}</p>`}
    </div>
  `;
}

/** @param {import("../../client/types.js").Parameter} parameter */
function typeText({ shape, required = true, variadic }) {
  if (variadic) return variadic === "args" ? "more, as a list" : "more, by name";
  return `${shape.type}${shape.nullable ? " or None" : ""}${required ? ", needed" : ""}`;
}
