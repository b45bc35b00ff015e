/** The charts, in groups, under their switches. */

import { html } from "../../vendor/preact.js";
import { Legend } from "../family/strip.js";
import { Icon } from "../icons.js";
import { hasEnded } from "../words.js";
import { Chart } from "./chart.js";
import { grouped } from "./metrics.js";

const FEW = 8;

/** @param {{model: import("../run/model.js").RunModel}} props */
export function Charts({ model }) {
  const names = model.metricNames.value;
  return html`
    <section class="charts" aria-label="Charts">
      <${Toolbar} board=${model.board} model=${model} />
      ${names.length ? html`<${Groups} names=${names} board=${model.board} />` : html`<${Empty} model=${model} />`}
    </section>
  `;
}

function Toolbar({ board, model }) {
  return html`
    <div class="toolbar" role="toolbar" aria-label="Chart switches">
      <h2>Metrics</h2>
      <span class="quiet small">${model.loading.value}</span>
      <span class="spacer"></span>
      <${Legend} comparison=${model.comparison} />
      <button class="plain ${board.zoom.value ? "" : "hidden"}" onClick=${() => (board.zoom.value = null)}>
        <${Icon} name="reset" /> whole range
      </button>
      <button
        class="plain"
        aria-pressed=${board.smoothed.value}
        onClick=${() => board.toggleSmooth()}
        title="Draw a smooth line over the raw one (S)"
      >
        smooth
      </button>
      <button
        class="plain"
        aria-pressed=${board.log.value}
        onClick=${() => board.toggleLog()}
        title="Logarithmic value axis (L)"
      >
        log scale
      </button>
    </div>
  `;
}

/** A few charts stand together, each under its whole name; many are divided, with headings. */
function Groups({ names, board }) {
  const groups = grouped(names);
  if (names.length <= FEW)
    return html`<${Grid} names=${groups.flatMap(([, members]) => members)} prefix="" board=${board} />`;
  return groups.map(
    ([group, members]) => html`
      ${group && html`<h3 class="group-name">${group}</h3>`}
      <${Grid} key=${group} names=${members} prefix=${group && `${group}/`} board=${board} />
    `,
  );
}

function Grid({ names, prefix, board }) {
  return html`
    <div class="chart-grid">
      ${names.map((name) => {
        return html`<${Chart} key=${name} name=${name} title=${name.slice(prefix.length)} board=${board} />`;
      })}
    </div>
  `;
}

function Empty({ model }) {
  if (hasEnded(model.state.value)) return html`<div class="empty card"><h3>The run logged no metrics</h3></div>`;
  return html`
    <div class="empty card">
      <h3>${model.loading.value ? "Reading the record" : "No metrics yet"}</h3>
      <p class="quiet">What the script logs appears here, live:</p>
      <p><code class="command">spark.log(loss=loss)</code></p>
    </div>
  `;
}
