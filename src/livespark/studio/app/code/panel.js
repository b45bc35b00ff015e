/** The code of a run: every reload with its diff, and the files as they ran at any step. */

import { html } from "../../vendor/preact.js";
import { Files } from "./files.js";
import { Reloads } from "./reloads.js";

/** @param {{model: import("../run/model.js").RunModel}} props */
export function Code({ model }) {
  return html`
    <div class="code">
      <${Reloads} model=${model} />
      <${Files} model=${model} />
    </div>
  `;
}
