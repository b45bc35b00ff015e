/** The header that never moves: name, state in words, step, time left, pause and stop. */

import { html, useEffect, useSignal } from "../../vendor/preact.js";
import { duration, perSecond, whole } from "../format.js";
import { Icon, Mark } from "../icons.js";
import { theme, toggleTheme } from "../theme.js";
import { PAUSE_BUTTON, RELOADABLE, SAVABLE, STATES, hasEnded } from "../words.js";
import { secondsLeft } from "./progress.js";

/**
 * @param {{model: import("./model.js").RunModel, actions: import("./actions.js").Actions, onHelp: () => void}} props
 */
export function Header({ model, actions, onHelp }) {
  const info = model.info.value;
  return html`
    <header class="header">
      <a class="home" href="/" aria-label="All runs"><${Mark} /></a>
      <div class="title">
        <h1 title=${info?.name ?? model.id}>${info?.name || model.id}</h1>
        <${State} info=${info} />
      </div>
      <${Figures} model=${model} />
      <div class="buttons">
        <${Controls} state=${info?.state} actions=${actions} />
        <button
          class="plain icon wide-only"
          onClick=${onHelp}
          aria-label="Keyboard shortcuts"
          title="Keyboard shortcuts (?)"
        >
          <${Icon} name="help" />
        </button>
        <button
          class="plain icon"
          onClick=${toggleTheme}
          aria-label=${theme.value === "dark" ? "Light colours" : "Dark colours"}
          title="Light or dark"
        >
          <${Icon} name=${theme.value === "dark" ? "sun" : "moon"} />
        </button>
      </div>
    </header>
  `;
}

function State({ info }) {
  if (!info) return html`<p class="state"></p>`;
  const { tone, text } = STATES[info.state];
  const words = info.reason || text;
  return html`
    <p class="state" role="status" aria-live="polite" title=${words}>
      <span class="pill ${tone}"><span class="dot"></span>${info.state}</span>${" "}
      <span class="state-text">${words}</span>
    </p>
  `;
}

function Figures({ model }) {
  const [loops, rate, running] = [model.loops.value, model.rate.value, model.state.value === "running"];
  const outer = loops.find((loop) => !loop.parent) ?? loops[0];
  const left = outer && running ? secondsLeft(outer, loops, Date.now() / 1000) : null;
  return html`
    <dl class="figures">
      <div class="figure-step">
        <dt>step</dt>
        <dd>${whole(model.step.value)}</dd>
      </div>
      <div class="figure-rate">
        <dt>steps</dt>
        <dd>${rate && running ? perSecond(rate) : "–"}</dd>
      </div>
      <div class="figure-left">
        <dt>left</dt>
        <dd>${left === null ? "–" : duration(left)}</dd>
      </div>
    </dl>
  `;
}

function Controls({ state, actions }) {
  if (!state || hasEnded(state)) return null;
  const { does, why } = PAUSE_BUTTON[state];
  const resume = does === "resume";
  const label = resume ? "Resume" : "Pause";
  return html`
    <button
      class="pause ${resume ? "primary" : ""}"
      disabled=${!does || actions.busy.value}
      title=${why ?? `${label} (space)`}
      aria-label=${label}
      onClick=${() => actions.pauseOrResume()}
    >
      <${Icon} name=${resume ? "play" : "pause"} solid=${resume} /><span class="label">${label}</span>
    </button>
    <button
      class="reload ${state === "held" ? "primary" : ""}"
      disabled=${!RELOADABLE.has(state)}
      onClick=${() => actions.reload()}
      aria-label="Reload"
      title="Run the script again as it is on disk now, with its persisted values (R)"
    >
      <${Icon} name="reset" /><span class="label">Reload</span>
    </button>
    <button
      class="icon"
      disabled=${!SAVABLE.has(state) || actions.saving.value}
      onClick=${() => actions.snapshot()}
      aria-label=${actions.saving.value ? "A snapshot is being taken" : "Take a snapshot"}
      title="Save the run's state, to go back to, resume from, or fork (K)"
    >
      <${Icon} name="camera" />
    </button>
    <${Stop} state=${state} actions=${actions} />
  `;
}

/** Stopping is for good, so it takes a second press. */
function Stop({ state, actions }) {
  const armed = useSignal(false);
  useEffect(() => {
    const timer = armed.value ? setTimeout(() => (armed.value = false), 4000) : 0;
    return () => clearTimeout(timer);
  }, [armed.value]);
  const press = () => {
    if (armed.value) actions.stop();
    armed.value = !armed.value;
  };
  const label = armed.value ? "Really?" : "Stop";
  return html`
    <button
      class="stop ${armed.value ? "danger" : ""}"
      disabled=${state === "stopping"}
      onClick=${press}
      onBlur=${() => (armed.value = false)}
      aria-label=${armed.value ? "Press again to stop the run" : "Stop the run"}
      title="Ends the run at its next checkpoint"
    >
      <${Icon} name="stop" solid /><span class="label">${label}</span>
    </button>
  `;
}
