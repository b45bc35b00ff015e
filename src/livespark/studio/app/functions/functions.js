/** The exposed functions. */

import { html } from "../../vendor/preact.js";
import { FunctionCard } from "./card.js";

/** @param {{model: import("../run/model.js").RunModel}} props */
export function Functions({ model }) {
  const functions = Object.entries(model.functions.value);
  if (!functions.length) return null;
  return html`
    <section class="functions card" aria-label="Functions">
      <h3>functions</h3>
      ${functions.map(([path, callable]) => {
        return html`<${FunctionCard} key=${path} path=${path} callable=${callable} model=${model} />`;
      })}
    </section>
  `;
}
