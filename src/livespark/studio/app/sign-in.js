/** The page for whoever has no token: calm, and with the way in. */

import { html } from "../vendor/preact.js";
import { Mark } from "./icons.js";
import { refusal } from "./session.js";

/** @param {{run?: string}} props */
export function SignIn({ run }) {
  return html`
    <main class="sign-in">
      <${Mark} />
      <h1>This browser is not signed in</h1>
      ${refusal.value && html`<p class="quiet" role="alert">The link did not work: ${refusal.value}</p>`}
      <p>On the machine where Livespark runs, type</p>
      <p><code class="command">livespark open${run ? ` ${run}` : ""}</code></p>
      <p class="quiet small">
        It prints a fresh link and opens it. A link works once, for one minute; tabs opened from a signed-in page need
        none.
      </p>
    </main>
  `;
}
