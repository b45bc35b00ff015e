/** What must not be overlooked: a lost connection, a refusal, an error that holds or ended the run. */

import { html, useEffect, useRef, useSignal } from "../../vendor/preact.js";
import { reloadNews } from "../code/words.js";
import { Icon } from "../icons.js";
import { Traceback } from "../traceback.js";

const NEWS = 5000;

/**
 * Lies over the page's foot, so nothing moves.
 *
 * @param {{model: import("./model.js").RunModel, actions: import("./actions.js").Actions}} props
 */
export function Toast({ model, actions }) {
  const lost = useLost(model.connection.value);
  const news = useNews(model.lastReload.value);
  const said = actions.said.value || model.trouble.value || news;
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

/** For a while, what a reload did that came while somebody was watching. */
function useNews(entry) {
  const news = useSignal("");
  const before = useRef(undefined);
  useEffect(() => {
    const fresh = before.current !== undefined && entry?.event.outcome === "applied";
    before.current = entry;
    news.value = fresh ? reloadNews(entry.event) : "";
    const timer = fresh ? setTimeout(() => (news.value = ""), NEWS) : 0;
    return () => clearTimeout(timer);
  }, [entry]);
  return news.value;
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
    "Saving a corrected file continues, with what is persisted; the interrupted item is done again.",
  failed: "Failed",
  lost: "Not heard of for a while. If its machine slept, it comes back by itself.",
});

/**
 * Why a run is held, failed or lost, with the traceback.
 *
 * @param {{info: import("../../client/types.js").Run | null, actions: import("./actions.js").Actions}} props
 */
export function Cause({ info, actions }) {
  const words = info && WORDS[info.state];
  if (!words) return null;
  return html`
    <section class="cause card ${info.state}" role="alert" aria-label="What went wrong">
      ${info.state === "failed" && html`<h2>${words}</h2>`} ${info.reason && !info.error && html`<p>${info.reason}</p>`}
      ${info.error && html`<${Traceback} failure=${info.error} open />`}
      ${info.state !== "failed" && html`<p class="small quiet advice">${words}</p>`}
      ${info.state === "held" && html`<${Continue} actions=${actions} />`}
    </section>
  `;
}

/** The ways on from a held run. */
function Continue({ actions }) {
  return html`
    <p class="ways">
      <button onClick=${() => actions.reload()} title="Run the script as it is on disk now">
        <${Icon} name="reset" />Reload
      </button>
      <button onClick=${() => actions.reload({ skip: true })} title="The same, without the item that raised">
        Skip the item and reload
      </button>
    </p>
  `;
}
