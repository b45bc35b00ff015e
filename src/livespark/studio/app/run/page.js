/** The page of one run. */

import { connect } from "../../client/index.js";
import { html, useEffect, useMemo, useSignal, useSignalEffect } from "../../vendor/preact.js";
import { Charts } from "../charts/panel.js";
import { Controls } from "../controls/panel.js";
import { FamilyStrip } from "../family/strip.js";
import { Panels } from "../panels/panels.js";
import { forget } from "../session.js";
import { SnapshotBanners } from "../snapshots/banners.js";
import { Actions } from "./actions.js";
import { Cause, Toast } from "./banners.js";
import { EditBanner } from "./edit-banner.js";
import { Header } from "./header.js";
import { Help } from "./help.js";
import { Loops } from "./loops.js";
import { RunModel } from "./model.js";
import { useShortcuts } from "./shortcuts.js";

/** @param {{id: string, token: string}} props */
export function RunPage({ id, token }) {
  const model = useMemo(() => new RunModel(connect({ token }), id), [id, token]);
  const actions = useMemo(() => new Actions(model), [model]);
  const help = useSignal(false);
  useEffect(() => () => model.close(), [model]);
  useSignalEffect(() => watchSession(model));
  useSignalEffect(() => {
    document.title = [model.info.value?.name || id, model.state.value].filter(Boolean).join(" · ");
  });
  useShortcuts({ model, actions, help });
  const missing = goneFor(model.connection.value);
  if (missing) return html`<${Missing} text=${missing} />`;
  return html`
    <div class="run-page">
      <div class="top">
        <${Header} model=${model} actions=${actions} onHelp=${() => (help.value = true)} />
        <${Loops} model=${model} />
      </div>
      <main class="run-main">
        <div class="attention">
          <${EditBanner} model=${model} />
          <${SnapshotBanners} model=${model} />
          <${Cause} info=${model.info.value} actions=${actions} />
          <${FamilyStrip} model=${model} />
          <${Charts} model=${model} />
        </div>
        <${Controls} model=${model} />
        <${Panels} model=${model} />
      </main>
      <${Toast} model=${model} actions=${actions} />
      <${Help} open=${help} />
    </div>
  `;
}

/** @param {RunModel} model */
function watchSession(model) {
  const { phase, error } = model.connection.value;
  if (phase === "closed" && error?.status === 401) forget("its sign-in has expired");
}

/** Why there is nothing to show, or "". @param {import("../../client/stream.js").Connection} connection */
function goneFor(connection) {
  if (connection.phase !== "closed" || !connection.error) return "";
  return connection.error.message;
}

function Missing({ text }) {
  return html`
    <main class="sign-in">
      <h1>Nothing to show</h1>
      <p>${text}</p>
      <p><a href="/">All runs</a></p>
    </main>
  `;
}
