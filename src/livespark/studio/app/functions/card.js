/** One exposed function: a form made from its signature, a button, and what came back. */

import { html, useMemo, useSignal } from "../../vendor/preact.js";
import { Icon } from "../icons.js";
import { FunctionCall } from "./call.js";
import { Form } from "./form.js";
import { Result } from "./result.js";

/**
 * @param {object} props
 * @param {string} props.path
 * @param {import("../../client/types.js").Callable} props.callable
 * @param {import("../run/model.js").RunModel} props.model
 */
export function FunctionCard({ path, callable, model }) {
  const call = useMemo(() => new FunctionCall(model, path), [model, path]);
  const parameters = callable.parameters ?? [];
  const open = useSignal(false);
  const [summary, ...rest] = (callable.doc ?? "").trim().split(/\n\s*\n/);
  const shown = open.value || call.incomplete.value;
  const run = () => void call.start(parameters);
  return html`
    <div class="function">
      <div class="function-head">
        <code class="signature" title=${signature(path, callable)}
          >${path}<span class="quiet">(${parameters.map(({ name }) => name).join(", ")})</span></code
        >
        ${
          parameters.length > 0 &&
          html`
            <button class="plain" aria-expanded=${open.value} onClick=${() => (open.value = !open.value)}>
              arguments
            </button>
          `
        }
        <button class="run" disabled=${call.pending.value} aria-label=${`Run ${path}`} onClick=${run}>
          <${Icon} name="play" solid /> Run
        </button>
      </div>
      ${summary && html`<p class="small quiet doc">${summary}</p>`}
      ${open.value && rest.length > 0 && html`<p class="small quiet doc">${rest.join("\n\n")}</p>`}
      ${parameters.length > 0 && html`<${Form} parameters=${parameters} call=${call} path=${path} shown=${shown} />`}
      <${Result} call=${call} model=${model} callable=${callable} />
    </div>
  `;
}

/** @param {string} path @param {import("../../client/types.js").Callable} callable */
function signature(path, { parameters = [], returns }) {
  const parts = parameters.map(
    ({ name, shape, variadic = "" }) => `${{ "": "", args: "*", kwargs: "**" }[variadic]}${name}: ${shape.type}`,
  );
  return `${path}(${parts.join(", ")})${returns ? ` -> ${returns}` : ""}`;
}
