/** The tabs below: log, code, snapshots, events, about. */

import { html } from "../../vendor/preact.js";
import { Code } from "../code/panel.js";
import { Snapshots } from "../snapshots/panel.js";
import { About } from "./about.js";
import { Events } from "./events.js";
import { Log } from "./log.js";

const TABS = /** @type {const} */ ([
  ["log", "Log", Log],
  ["code", "Code", Code],
  ["snapshots", "Snapshots", Snapshots],
  ["events", "Events", Events],
  ["about", "About", About],
]);

/** @param {{model: import("../run/model.js").RunModel}} props */
export function Panels({ model }) {
  const { tab } = model;
  const [, , Shown] = TABS.find(([name]) => name === tab.value);
  return html`
    <section class="panels card">
      <div class="tabs" role="tablist" onKeyDown=${(event) => move(event, tab)}>
        ${TABS.map(
          ([name, title]) => html`
            <button
              key=${name}
              role="tab"
              id=${`tab-${name}`}
              class="tab"
              aria-selected=${tab.value === name}
              aria-controls="panel"
              tabindex=${tab.value === name ? 0 : -1}
              onClick=${() => (tab.value = name)}
            >
              ${title}
            </button>
          `,
        )}
      </div>
      <div class="panel" id="panel" role="tabpanel" aria-labelledby=${`tab-${tab.value}`}>
        <${Shown} model=${model} />
      </div>
    </section>
  `;
}

/** @param {KeyboardEvent} event */
function move(event, tab) {
  const direction = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!direction) return;
  const index = TABS.findIndex(([name]) => name === tab.value);
  tab.value = TABS[(index + direction + TABS.length) % TABS.length][0];
  document.getElementById(`tab-${tab.value}`)?.focus();
}
