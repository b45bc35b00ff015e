/** What became of something that was asked for, in its line. */

import { html } from "../../vendor/preact.js";

/** @param {{deed: import("./deed.js").Deed}} props */
export function Outcome({ deed }) {
  const { phase, text } = deed.verdict.value;
  const words = phase === "refused" || phase === "failed" ? `${phase}: ${text}` : text;
  return html`<span class="deed ${phase}" role="status" aria-live="polite">${words}</span>`;
}
