/** What this run is: script, arguments, configuration, place, times. */

import { html } from "../../vendor/preact.js";
import { brief, duration, moment } from "../format.js";

/** @param {{model: import("../run/model.js").RunModel}} props */
export function About({ model }) {
  const info = model.info.value;
  if (!info) return null;
  const { entry } = info;
  const config = Object.entries(info.config ?? {});
  const facts = [
    ["script", entry.script || `-m ${entry.module}`],
    ["arguments", (entry.args ?? []).join(" ") || "none"],
    ["mode", info.mode === "dev" ? "dev: stays when the script has ended or raised" : "run: ends with the script"],
    ["directory", info.cwd],
    ["Python", info.python],
    ["host", info.host || "–"],
    [
      "process",
      info.pid ? `${info.pid}${(info.incarnation ?? 1) > 1 ? `, start number ${info.incarnation}` : ""}` : "–",
    ],
    ["created", moment(info.created)],
    ["started", moment(info.started)],
    [
      "ended",
      info.ended ? `${moment(info.ended)}, after ${duration(info.ended - (info.started ?? info.created))}` : "–",
    ],
    ["run id", info.id],
  ];
  return html`
    <dl class="about">
      ${facts.map(
        ([name, text]) =>
          html`<div key=${name}>
            <dt>${name}</dt>
            <dd>${text}</dd>
          </div>`,
      )}
      ${config.map(
        ([name, value]) =>
          html`<div key=${`config.${name}`}>
            <dt>config.${name}</dt>
            <dd class="mono">${brief(value, 200)}</dd>
          </div>`,
      )}
    </dl>
  `;
}
