/** The list of keyboard shortcuts. */

import { html, useEffect, useRef } from "../../vendor/preact.js";
import { SHORTCUTS } from "./shortcuts.js";

/** @param {{open: import("../../vendor/preact.js").Signal}} props */
export function Help({ open }) {
  const dialog = useRef(null);
  useEffect(() => {
    if (open.value) dialog.current.showModal();
  }, [open.value]);
  return html`
    <dialog class="help" ref=${dialog} onClose=${() => (open.value = false)} aria-label="Keyboard shortcuts">
      <h2>Keyboard</h2>
      <dl>
        ${SHORTCUTS.map(
          ([keys, text]) => html`
            <div key=${keys}>
              <dt>${keys.split(" ").map((key) => html`<kbd key=${key}>${key}</kbd> `)}</dt>
              <dd>${text}</dd>
            </div>
          `,
        )}
      </dl>
      <button onClick=${() => dialog.current.close()}>Close</button>
    </dialog>
  `;
}
