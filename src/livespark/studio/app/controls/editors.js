/**
 * The editors of scalars. Each gets the node it shows and calls `commit(node)` or `refuse(why)`; what becomes of an
 * edit is its owner's business, so the same editors serve values and the arguments of functions.
 */

import { decodeNode, encodeNode } from "../../client/index.js";
import { html, useEffect, useRef, useSignal } from "../../vendor/preact.js";
import { number } from "../format.js";
import { nudge, parse, toText } from "./parse.js";
import { isBounded, stops, toPosition, toValue } from "./scale.js";

/**
 * @typedef {object} EditorProps
 * @property {any} node
 * @property {import("../../client/types.js").Shape} shape
 * @property {string} label
 * @property {(node: any) => void} commit
 * @property {(why: string) => void} refuse
 * @property {string} [id]
 */

const SETTLE = 180;

/** @param {EditorProps} props */
export function Editor(props) {
  const Kind = KINDS[kindOf(props.shape)];
  return html`<${Kind} ...${props} />`;
}

/** @param {import("../../client/types.js").Shape} shape */
export function kindOf(shape) {
  const wanted = shape.editor ?? "auto";
  if (wanted === "slider" && !isBounded(shape)) return "field";
  if (wanted !== "auto") return wanted;
  if (shape.type === "float" || shape.type === "int") return isBounded(shape) ? "slider" : "field";
  return { bool: "switch", choice: "select", str: "text" }[shape.type] ?? "json";
}

/** @param {EditorProps} props */
function Slider(props) {
  const { node, shape, label, commit } = props;
  const dragged = useSignal(null);
  const timer = useRef(0);
  const shown = dragged.value ?? Number(decodeNode(node));
  const input = (event) => (dragged.value = toValue(Number(event.target.value), shape));
  const change = () => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      commit(encodeNode(dragged.value));
      dragged.value = null;
    }, SETTLE);
  };
  return html`
    <div class="slider">
      <input
        type="range"
        min="0"
        max=${stops(shape)}
        step="1"
        value=${toPosition(shown, shape)}
        aria-label=${label}
        aria-valuetext=${number(shown)}
        style=${{ "--part": toPosition(shown, shape) / stops(shape) }}
        onInput=${input}
        onChange=${change}
      />
      <${NumberField}
        ...${props}
        node=${dragged.value === null ? node : encodeNode(dragged.value)}
        label=${`${label}, as a number`}
      />
    </div>
  `;
}

/** @param {EditorProps} props */
function NumberField(props) {
  const step = (event) => {
    const direction = { ArrowUp: 1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[event.key];
    const parsed = direction && parse(event.target.value, props.shape);
    if (!parsed || !("node" in parsed)) return;
    event.preventDefault();
    const next = nudge(Number(decodeNode(parsed.node)), props.shape, event.shiftKey ? direction * 10 : direction);
    event.target.value = toText(encodeNode(next), props.shape);
    event.target.dispatchEvent(new Event("input"));
  };
  return html`<${Line} ...${props} class="number" inputmode="decimal" onKey=${step} />`;
}

/** @param {EditorProps} props */
const TextField = (props) => html`<${Line} ...${props} class="text" />`;

/** @param {EditorProps} props */
const JsonField = (props) => html`<${Line} ...${props} class="text mono" />`;

/** One line to type in: shows the live value until somebody types; Enter and leaving commit, Escape puts back. */
function Line({ node, shape, label, commit, refuse, id, class: kind, inputmode, onKey }) {
  const draft = useSignal(null);
  const element = useRef(null);
  const text = toText(node, shape);
  useEffect(() => {
    if (element.current && draft.value === null && element.current.value !== text) element.current.value = text;
  }, [text, draft.value]);
  const finish = () => {
    const typed = draft.value;
    draft.value = null;
    if (typed === null || typed === text) return;
    const parsed = parse(typed, shape);
    if ("node" in parsed) commit(parsed.node);
    else refuse(parsed.error);
  };
  const key = (event) => {
    if (event.key === "Enter") finish();
    else if (event.key === "Escape") draft.value = null;
    else onKey?.(event);
  };
  return html`
    <input
      ref=${element}
      id=${id}
      class="line ${kind}"
      type="text"
      inputmode=${inputmode}
      autocomplete="off"
      spellcheck=${false}
      defaultValue=${text}
      placeholder=${shape.nullable ? "None" : ""}
      aria-label=${label}
      onInput=${(event) => (draft.value = event.target.value)}
      onKeyDown=${key}
      onBlur=${finish}
    />
  `;
}

/** @param {EditorProps} props */
function Switch({ node, label, commit, id }) {
  return html`
    <button
      id=${id}
      type="button"
      class="switch"
      role="switch"
      aria-checked=${node === true}
      aria-label=${label}
      onClick=${() => commit(node !== true)}
    >
      <span class="knob"></span>
    </button>
  `;
}

/** @param {EditorProps} props */
function Select({ node, shape, label, commit, id }) {
  const choices = shape.choices ?? [];
  const keys = choices.map((choice) => JSON.stringify(choice));
  const current = JSON.stringify(node);
  const text = (choice) => (typeof choice === "string" ? choice : toText(choice, shape));
  return html`
    <select
      id=${id}
      aria-label=${label}
      value=${current}
      onChange=${(event) => commit(choices[keys.indexOf(event.target.value)])}
    >
      ${!keys.includes(current) && html`<option value=${current}>${text(node)}</option>`}
      ${choices.map((choice, index) => html`<option key=${keys[index]} value=${keys[index]}>${text(choice)}</option>`)}
    </select>
  `;
}

const KINDS = { slider: Slider, field: NumberField, switch: Switch, select: Select, text: TextField, json: JsonField };
