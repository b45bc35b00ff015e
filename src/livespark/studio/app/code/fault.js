/** Where an edit went wrong: file and line, what, and the line itself with a caret. */

import { html } from "../../vendor/preact.js";
import { faultOf } from "./words.js";

/** @param {{event: import("../../client/types.js").Reloaded}} props */
export function Fault({ event }) {
  const fault = faultOf(event);
  if (!fault) return null;
  return html`
    <p class="fault"><strong class="mono">${fault.where}</strong> ${fault.what}</p>
    ${fault.code && html`<pre class="source">${fault.code}</pre>`}
  `;
}
