/** Snapshots and branches on the charts' range of steps, drawn as lines and dots; the list below has the same in words. */

import { html } from "../../vendor/preact.js";
import { number } from "../format.js";
import { spanOf, timelineOf } from "./timeline.js";

const TOP = 14;
const LANE = 16;

/** @param {{model: import("../run/model.js").RunModel}} props */
export function Strip({ model }) {
  void model.recordTick.value;
  const logged = model.metrics.series.size > 0;
  const range = logged ? model.stepRange.value : spanOf(model.shelf, model.step.value);
  const { lines, drops, dots, lanes } = timelineOf(model.shelf, range, logged ? model.ownSteps : range);
  const y = (/** @type {number} */ lane) => TOP + lane * LANE;
  const open = model.snapshots.open.value?.number;
  return html`
    <div class="timeline">
      <svg height=${y(lanes - 1) + TOP} aria-hidden="true">
        ${drops.map(({ at, lane }) => html`<line class="drop" x1="${at}%" x2="${at}%" y1=${y(0)} y2=${y(lane)} />`)}
        ${lines.map(
          ({ from, to, lane, old }) =>
            html`<line class=${old ? "old" : "now"} x1="${from}%" x2="${to}%" y1=${y(lane)} y2=${y(lane)} />`,
        )}
        ${dots.map((dot) => {
          const kind = `${dot.old ? "old" : "now"} ${dot.number === open ? "open" : ""}`;
          const show = () => model.snapshots.show(dot.number);
          return html`<circle key=${dot.number} class=${kind} cx="${dot.at}%" cy=${y(dot.lane)} r="5" onClick=${show}>
            <title>snapshot ${dot.number}</title>
          </circle>`;
        })}
      </svg>
      <p class="timeline-ends quiet">
        <span>${number(range[0])}</span><span>step</span><span>${number(range[1])}</span>
      </p>
    </div>
  `;
}
