/** The parameters of a module, as a table. */

import { html } from "../../vendor/preact.js";
import { shape, whole } from "../format.js";

const SHOWN = 8;

/**
 * @param {object} props
 * @param {{parameters: number, trainable: number, rows: [string, number[], string, number, boolean][]}} props.node
 * @param {string} props.label
 */
export function ModuleTable({ node, label }) {
  const frozen = node.parameters > node.trainable && whole(node.parameters - node.trainable);
  return html`
    <div class="module">
      ${frozen && html`<p class="small quiet">${frozen} of ${whole(node.parameters)} parameters are frozen</p>`}
      <${Table} rows=${node.rows.slice(0, SHOWN)} label=${label} />
      ${
        node.rows.length > SHOWN &&
        html`
          <details>
            <summary class="small quiet">${whole(node.rows.length - SHOWN)} more</summary>
            <${Table} rows=${node.rows.slice(SHOWN)} label=${`${label}, continued`} />
          </details>
        `
      }
    </div>
  `;
}

function Table({ rows, label }) {
  return html`
    <table aria-label=${`parameters of ${label}`}>
      <tbody>
        ${rows.map(
          ([name, sizes, dtype, count, trainable]) => html`
            <tr key=${name} class=${trainable ? "" : "frozen"}>
              <th scope="row" title=${name}>${name}</th>
              <td title=${`${dtype} ${shape(sizes)}`}>${sizes.join("×")}</td>
              <td class="count">
                ${trainable ? whole(count) : html`<span title="frozen: not trained">${whole(count)} ❄</span>`}
              </td>
            </tr>
          `,
        )}
      </tbody>
    </table>
  `;
}
