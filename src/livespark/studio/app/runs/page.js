/** The list of runs, looked at again every two seconds. */

import { connect } from "../../client/index.js";
import { html, useEffect, useSignal } from "../../vendor/preact.js";
import { duration, moment, whole } from "../format.js";
import { parentOf, placeText, relationText } from "../family/relatives.js";
import { Link } from "../family/strip.js";
import { Icon, Mark } from "../icons.js";
import { forget } from "../session.js";
import { theme, toggleTheme } from "../theme.js";
import { STATES, hasEnded } from "../words.js";

const INTERVAL = 2000;

/** @param {{token: string}} props */
export function RunsPage({ token }) {
  const runs = useSignal(null);
  const trouble = useSignal("");
  useEffect(() => poll(connect({ token }), runs, trouble), [token]);
  useEffect(() => void (document.title = "Runs · Livespark"), []);
  return html`
    <div class="runs-page">
      <header class="header">
        <span class="home"><${Mark} /></span>
        <div class="title"><h1>Runs</h1></div>
        <div class="buttons">
          <button class="plain icon" onClick=${toggleTheme} aria-label="Light or dark colours">
            <${Icon} name=${theme.value === "dark" ? "sun" : "moon"} />
          </button>
        </div>
      </header>
      <main class="runs-main">
        ${runs.value && (runs.value.length ? html`<${Table} runs=${runs.value} />` : html`<${Empty} />`)}
      </main>
      <div class="toast ${trouble.value ? "shown" : ""}" role="status" aria-live="polite">${trouble.value}</div>
    </div>
  `;
}

/** Returns the function that ends it. */
function poll(client, runs, trouble) {
  let timer = 0;
  const look = async () => {
    if (!document.hidden) await refresh(client, runs, trouble);
    timer = timer === -1 ? -1 : setTimeout(look, INTERVAL);
  };
  void look();
  return () => {
    clearTimeout(timer);
    timer = -1;
  };
}

async function refresh(client, runs, trouble) {
  try {
    runs.value = (await client.runs({ limit: 200 })).runs;
    trouble.value = "";
  } catch (error) {
    if (error.status === 401) forget("its sign-in has expired");
    trouble.value = `${error.message}; trying again`;
  }
}

function Table({ runs }) {
  return html`
    <table class="runs card">
      <thead>
        <tr>
          <th scope="col">run</th>
          <th scope="col">state</th>
          <th scope="col" class="number">step</th>
          <th scope="col">script</th>
          <th scope="col">started</th>
          <th scope="col" class="number">duration</th>
        </tr>
      </thead>
      <tbody>
        ${runs.map((run) => html`<${Row} key=${run.id} run=${run} />`)}
      </tbody>
    </table>
  `;
}

function Row({ run }) {
  const began = run.started ?? run.created;
  const end = run.ended ?? Date.now() / 1000;
  return html`
    <tr class=${hasEnded(run.state) ? "ended" : ""}>
      <th scope="row"><${Link} id=${run.id} name=${run.name} /><${Origin} run=${run} /></th>
      <td>
        <span class="pill ${STATES[run.state].tone}"><span class="dot"></span>${run.state}</span>
      </td>
      <td class="number">${whole(run.step)}</td>
      <td class="script quiet" title=${run.cwd}>${run.entry.script || run.entry.module}</td>
      <td class="quiet when">${moment(began)}</td>
      <td class="number quiet took">${duration(end - began)}</td>
    </tr>
  `;
}

/** Where a run's state comes from. */
function Origin({ run }) {
  const parent = parentOf(run);
  if (!parent) return null;
  return html`<span class="run-origin quiet">
    ${relationText(run.origin)} <${Link} id=${parent} />${" "}${placeText(run.origin)}
  </span>`;
}

function Empty() {
  return html`
    <div class="empty card">
      <h3>No runs yet</h3>
      <p class="quiet">Start one, and it appears here:</p>
      <p><code class="command">livespark dev train.py</code></p>
    </div>
  `;
}
