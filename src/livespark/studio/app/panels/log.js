/**
 * The script's output: only the lines in view exist, so any number is fine. Follows the end until somebody scrolls up.
 */

import { html, useEffect, useLayoutEffect, useRef, useSignal } from "../../vendor/preact.js";
import { clock, whole } from "../format.js";
import { Icon } from "../icons.js";
import { ansi, bare } from "./ansi.js";

const LINE = 20;
const EXTRA = 12;

/** @param {{model: import("../run/model.js").RunModel}} props */
export function Log({ model }) {
  const wanted = useSignal("");
  const following = useSignal(true);
  void model.logTick.value;
  const lines = matching(model.log, wanted.value);
  return html`
    <div class="log">
      <div class="toolbar">
        <input
          type="search"
          placeholder="Find in the log"
          aria-label="Find in the log"
          value=${wanted.value}
          onInput=${(event) => (wanted.value = event.target.value)}
        />
        <span class="quiet small">${count(model.log, lines, wanted.value)}</span>
        <span class="spacer"></span>
        <button
          class="plain"
          aria-pressed=${following.value}
          onClick=${() => (following.value = !following.value)}
          title="Stay at the newest line"
        >
          <${Icon} name="down" /> follow
        </button>
      </div>
      ${model.log.lines.length === 0 && html`<${Empty} />`}
      ${
        model.log.lines.length > 0 &&
        html`<${Lines} lines=${lines} version=${model.log.version} following=${following} />`
      }
    </div>
  `;
}

/** @param {import("./log-buffer.js").LogBuffer} log @param {string} wanted */
function matching(log, wanted) {
  const text = wanted.trim().toLowerCase();
  return text ? log.lines.filter((line) => bare(line.text).toLowerCase().includes(text)) : log.lines;
}

/** @param {import("./log-buffer.js").LogBuffer} log @param {unknown[]} lines @param {string} wanted */
function count(log, lines, wanted) {
  if (wanted.trim()) return `${whole(lines.length)} of ${whole(log.lines.length)} lines`;
  const earlier = log.start || log.dropped ? "; earlier ones: livespark logs" : "";
  return `${whole(log.lines.length)} ${log.lines.length === 1 ? "line" : "lines"}${earlier}`;
}

function Lines({ lines, version, following }) {
  const box = useRef(null);
  const view = useSignal({ top: 0, height: 400 });
  const ours = useRef(0);
  const measure = () => {
    if (box.current) view.value = { top: box.current.scrollTop, height: box.current.clientHeight };
  };
  const scrolled = () => {
    const { scrollTop, scrollHeight, clientHeight } = box.current;
    if (scrollTop !== ours.current) following.value = scrollHeight - scrollTop - clientHeight < LINE;
    measure();
  };
  useLayoutEffect(() => {
    if (!following.value) return;
    box.current.scrollTop = box.current.scrollHeight;
    ours.current = box.current.scrollTop;
    measure();
  }, [version, lines.length, following.value]);
  useEffect(() => {
    const resized = new ResizeObserver(measure);
    resized.observe(box.current);
    return () => resized.disconnect();
  }, []);
  const first = Math.max(0, Math.floor(view.value.top / LINE) - EXTRA);
  const last = Math.min(lines.length, Math.ceil((view.value.top + view.value.height) / LINE) + EXTRA);
  return html`
    <div
      class="lines mono"
      ref=${box}
      onScroll=${scrolled}
      tabindex="0"
      role="log"
      aria-live="off"
      aria-label="What the script wrote"
    >
      <div class="lines-all" style=${{ height: `${lines.length * LINE + 8}px` }}>
        <div class="lines-shown" style=${{ transform: `translateY(${first * LINE}px)` }}>
          ${lines.slice(first, last).map((line) => html`<${Line} key=${line.number} line=${line} text=${line.text} />`)}
        </div>
      </div>
    </div>
  `;
}

function Line({ line, text }) {
  return html`
    <div
      class="log-line ${line.stream}"
      title=${line.stream === "stderr" ? `stderr, ${clock(line.time)}` : clock(line.time)}
    >
      ${ansi(text).map((piece, index) => html`<span key=${index} class=${piece.style}>${piece.text}</span>`)}
    </div>
  `;
}

function Empty() {
  return html`<p class="empty-line quiet">The script has not written anything yet. What it prints appears here.</p>`;
}
