/** An exception: what it says, where it was raised, and what the variables were. */

import { html } from "../vendor/preact.js";

/** @param {{failure: import("../client/types.js").Failure, open?: boolean}} props */
export function Traceback({ failure, open = false }) {
  const frames = [...(failure.frames ?? [])].reverse();
  return html`
    <div class="traceback">
      <p class="failure"><strong>${failure.type}</strong>${failure.message && `: ${failure.message}`}</p>
      ${frames.map((frame, index) => html`<${Frame} key=${index} frame=${frame} open=${open && index === 0} />`)}
      ${failure.traceback && html`<${Text} text=${failure.traceback} open=${open && !frames.length} />`}
    </div>
  `;
}

function Frame({ frame, open }) {
  const locals = Object.entries(frame.locals ?? {});
  return html`
    <details class="frame" open=${open}>
      <summary>
        <span class="frame-place mono">${frame.file.split("/").pop()}:${frame.line}</span>
        <span class="quiet"> in ${frame.function}</span>
      </summary>
      <p class="quiet small frame-file">${frame.file}</p>
      ${frame.source && html`<pre class="source">${frame.source}</pre>`}
      ${
        locals.length > 0 &&
        html`
          <dl class="locals mono">
            ${locals.map(
              ([name, text]) =>
                html`<div key=${name}>
                  <dt>${name}</dt>
                  <dd>${text}</dd>
                </div>`,
            )}
          </dl>
        `
      }
    </details>
  `;
}

function Text({ text, open }) {
  return html`
    <details class="frame" open=${open}>
      <summary class="quiet">Traceback as Python prints it</summary>
      <pre class="source">${text}</pre>
    </details>
  `;
}
