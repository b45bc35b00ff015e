/** Where the loops stand: one bar each, in a strip whose place is always kept. */

import { html } from "../../vendor/preact.js";
import { duration, perSecond, whole } from "../format.js";
import { fraction, secondsLeft } from "./progress.js";

/** @param {{model: import("./model.js").RunModel}} props */
export function Loops({ model }) {
  const loops = model.loops.value;
  const live = model.state.value === "running";
  return html`
    <div class="loops" aria-label="Progress">
      ${loops.map((loop) => html`<${Bar} key=${loop.key} loop=${loop} loops=${loops} live=${live} />`)}
    </div>
  `;
}

function Bar({ loop, loops, live }) {
  const part = fraction(loop, loops);
  const left = live ? secondsLeft(loop, loops, Date.now() / 1000) : null;
  const count = loop.total ? `${whole(loop.index)} / ${whole(loop.total)}` : whole(loop.index);
  const details = [live && loop.rate ? perSecond(loop.rate) : "", left === null ? "" : `${duration(left)} left`].filter(
    Boolean,
  );
  return html`
    <div class="loop">
      <div class="loop-text">
        <span class="loop-name">${loop.key}</span>
        <span>${count}</span>
        <span class="loop-details quiet">${details.join(" · ")}</span>
      </div>
      <div
        class="bar"
        role="progressbar"
        aria-label=${loop.key}
        aria-valuenow=${Math.floor(part * 100)}
        aria-valuemin="0"
        aria-valuemax="100"
      >
        <div
          class="bar-done ${loop.total ? "" : "unknown"}"
          style=${{ transform: `scaleX(${loop.total ? part : 1})` }}
        ></div>
      </div>
    </div>
  `;
}
