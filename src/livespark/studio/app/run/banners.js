/** What must not be overlooked: a lost connection, a refusal, an error that holds or ended the run. */

import { html, useEffect, useSignal } from "../../vendor/preact.js";
import { Traceback } from "../traceback.js";

/**
 * Lies over the page's foot, so nothing moves.
 *
 * @param {{model: import("./model.js").RunModel, actions: import("./actions.js").Actions}} props
 */
export function Toast({ model, actions }) {
  const lost = useLost(model.connection.value);
  const said = actions.refusal.value || model.trouble.value;
  const text = lost ? html`<${Countdown} connection=${model.connection.value} />` : said;
  return html`<div class="toast ${text ? "shown" : ""}" role="status" aria-live="polite">${text}</div>`;
}

/** True once the stream has been down for a moment, until it is open again. */
function useLost(connection) {
  const lost = useSignal(false);
  useEffect(() => {
    if (connection.phase === "open" || connection.phase === "closed") lost.value = false;
    if (connection.phase === "waiting") lost.value = true;
  }, [connection]);
  return lost.value;
}

function Countdown({ connection }) {
  const now = useSignal(Date.now());
  useEffect(() => {
    const timer = setInterval(() => (now.value = Date.now()), 250);
    return () => clearInterval(timer);
  }, []);
  const seconds = connection.phase === "waiting" ? Math.max(0, Math.ceil((connection.until - now.value) / 1000)) : 0;
  return html`<span
    ><strong>Connection lost.</strong> Training goes on.
    ${seconds ? `Reconnecting in ${seconds} s` : "Reconnecting now"}</span
  >`;
}

const WORDS = /** @type {Record<string, string>} */ ({
  held:
    "The script raised. Its state is in memory: values can be edited and functions called. " +
    "Correct the file and press Reload to run it again with what is persisted.",
  failed: "Failed",
  lost: "Not heard of for a while. If its machine slept, it comes back by itself.",
});

/**
 * Why a run is held, failed or lost, with the traceback.
 *
 * @param {{info: import("../../client/types.js").Run | null}} props
 */
export function Cause({ info }) {
  const words = info && WORDS[info.state];
  if (!words) return null;
  return html`
    <section class="cause card ${info.state}" role="alert" aria-label="What went wrong">
      ${info.state === "failed" && html`<h2>${words}</h2>`} ${info.reason && !info.error && html`<p>${info.reason}</p>`}
      ${info.error && html`<${Traceback} failure=${info.error} open />`}
      ${info.state !== "failed" && html`<p class="small quiet advice">${words}</p>`}
    </section>
  `;
}
