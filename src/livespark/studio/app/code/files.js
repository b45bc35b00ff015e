/** The files a run executes, now or at any step, and the text of the one that is read. */

import { html, useEffect, useRef, useSignal } from "../../vendor/preact.js";
import { whole } from "../format.js";
import { Icon } from "../icons.js";
import { stepText } from "./words.js";

/** @param {{model: import("../run/model.js").RunModel}} props */
export function Files({ model }) {
  const { files, trouble } = useFiles(model);
  const view = model.code;
  if (!files.length && !trouble && view.step.value === null && !view.file.value) return null;
  return html`
    <section class="files" aria-label="Files">
      <div class="toolbar">
        <h3>Files</h3>
        <span class="spacer"></span>
        <${StepField} view=${view} />
      </div>
      ${trouble && html`<p class="problem small" role="alert">${trouble}</p>`}
      ${!files.length && !trouble && html`<p class="quiet small">No file is known of this step.</p>`}
      <ul class="file-list">
        ${files.map((file) => html`<${File} key=${file.path} file=${file} view=${view} />`)}
      </ul>
      ${view.file.value && html`<${Reader} model=${model} />`}
    </section>
  `;
}

/** The files of the chosen step, asked for again when the run has new ones. */
function useFiles(model) {
  void model.recordTick.value;
  const found = useSignal({ files: [], trouble: "" });
  const [step, known] = [model.code.step.value, model.info.value !== null];
  useEffect(() => {
    if (!known) return undefined;
    let wanted = true;
    model.run.code({ step }).then(
      (files) => wanted && (found.value = { files, trouble: "" }),
      (error) => wanted && (found.value = { files: [], trouble: error.message }),
    );
    return () => (wanted = false);
  }, [step, known, step === null && model.record.sources]);
  return found.value;
}

function StepField({ view }) {
  const change = ({ target }) =>
    (view.step.value = target.value === "" ? null : Math.max(0, Math.floor(target.valueAsNumber)));
  return html`
    <label class="small quiet"
      >as they ran at step${" "}
      <input type="number" min="0" step="1" placeholder="now" value=${view.step.value ?? ""} onChange=${change} />
    </label>
    ${
      view.step.value !== null &&
      html`<button class="plain" onClick=${() => (view.step.value = null)}><${Icon} name="reset" />now</button>`
    }
  `;
}

function File({ file, view }) {
  const chosen = view.file.value?.hash === file.hash && view.file.value?.path === file.path;
  const when = view.step.value === null ? "now" : stepText(view.step.value);
  const since = file.step ? `since step ${whole(file.step)}` : "from the start";
  return html`
    <li>
      <button
        class="plain file"
        aria-pressed=${chosen}
        onClick=${() => (view.file.value = chosen ? null : { path: file.path, hash: file.hash, when })}
      >
        <span class="mono file-path">${file.path}</span><span class="quiet small">${since}</span>
      </button>
    </li>
  `;
}

/** The whole text of one version. */
function Reader({ model }) {
  const view = model.code;
  const { path, hash, when } = view.file.value;
  const box = useRef(null);
  const read = useSignal({ hash: "", text: "", trouble: "" });
  useEffect(() => {
    let wanted = true;
    view.text(model.run, hash).then(
      (text) => wanted && (read.value = { hash, text, trouble: "" }),
      (error) => wanted && (read.value = { hash, text: "", trouble: error.message }),
    );
    return () => (wanted = false);
  }, [hash]);
  useEffect(() => box.current.scrollIntoView({ block: "nearest" }), [path, hash, read.value.hash]);
  return html`
    <section class="reader" ref=${box} aria-label=${`${path}, ${when}`}>
      <header class="diff-head">
        <h4 class="mono">${path}</h4>
        <span class="quiet small">${when}</span>
        <span class="spacer"></span>
        <button class="plain icon" aria-label="Close the file" onClick=${() => (view.file.value = null)}>
          <${Icon} name="close" />
        </button>
      </header>
      ${read.value.trouble && html`<p class="problem small empty-line" role="alert">${read.value.trouble}</p>`}
      ${read.value.hash === hash && !read.value.trouble && html`<${Text} text=${read.value.text} path=${path} />`}
    </section>
  `;
}

/** Numbers and text stand side by side as two texts, so that a file of any length is two elements. */
function Text({ text, path }) {
  const count = text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
  const numbers = Array.from({ length: count }, (_, index) => index + 1).join("\n");
  return html`
    <div class="text" tabindex="0" role="region" aria-label=${`Text of ${path}`}>
      <pre class="text-numbers" aria-hidden="true">${numbers}</pre>
      <pre class="text-lines">${text}</pre>
    </div>
  `;
}
