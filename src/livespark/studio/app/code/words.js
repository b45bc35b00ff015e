/** Reloads in words: what became of one, what it changed, where it went wrong. */

import { number, whole } from "../format.js";

/**
 * @typedef {import("../../client/types.js").Reloaded} Reloaded
 * @typedef {import("../../client/types.js").Failure} Failure
 *
 * @typedef {object} Verdict
 * @property {string} word
 * @property {string} tone
 * @property {"check" | "refuse" | "undo" | "alert"} icon
 */

const VERDICTS = /** @type {Record<Reloaded["outcome"], Verdict>} */ ({
  applied: { word: "applied", tone: "good", icon: "check" },
  refused: { word: "refused", tone: "warn", icon: "refuse" },
  undone: { word: "undone", tone: "bad", icon: "undo" },
});

const KINDS = {
  soft: "soft: definitions were exchanged between two steps",
  hard: "hard: the script unwound and runs again from its top, with what is persisted",
};

/** @param {Reloaded} event @returns {Verdict} */
export function verdictOf(event) {
  const raised = event.outcome === "applied" && event.error;
  return raised ? { word: "applied, raised", tone: "bad", icon: "alert" } : VERDICTS[event.outcome];
}

/** What a kind of reload is, in a sentence. @param {Reloaded["kind"]} kind */
export const kindText = (kind) => (kind ? KINDS[kind] : "");

/** The names that changed, else the files; the first few of them. @param {Reloaded} event @param {number} [most] */
export function changedText({ changed = [], files = [] }, most = 3) {
  const names = changed.length ? changed : files.map(({ path }) => path);
  const more = names.length - most;
  const shown = names.slice(0, most).join(", ");
  return more > 0 ? `${shown} and ${whole(more)} more` : shown || "nothing that runs";
}

/** @param {number | null | undefined} step */
export const stepText = (step) => (step === null || step === undefined ? "" : `at step ${whole(step)}`);

/** How long a reload took. @param {number} seconds */
export function tookText(seconds) {
  if (seconds >= 1) return `${number(seconds, 2)} s`;
  return seconds >= 0.001 ? `${whole(seconds * 1000)} ms` : "under 1 ms";
}

/** A mark's text on the charts. @param {Reloaded} event */
export function reloadMark(event) {
  const what = event.outcome === "undone" ? "reload, undone" : "reload";
  const kind = event.kind ? ` (${event.kind})` : "";
  return `${what}${kind}: ${changedText(event)}\n${stepText(event.step)}`;
}

/**
 * Where a reload went wrong, as far as its error tells: `model.py:31`, what, and the line with its caret.
 *
 * @param {Reloaded} event
 * @returns {{where: string, what: string, code: string} | null}
 */
export function faultOf({ error, files = [] }) {
  if (!error) return null;
  const frame = error.frames?.at(-1);
  const path = frame && (files.find(({ path }) => isSame(frame.file, path))?.path ?? frame.file.split("/").pop());
  return { where: frame ? `${path}:${frame.line}` : "", what: whatText(error), code: excerpt(error) };
}

/** Whether an edit can't even be compiled. @param {Failure} error */
export const isSyntax = ({ type }) => ["SyntaxError", "IndentationError", "TabError"].includes(type);

/** The sentence about a reload; empty where its error says the same. @param {Reloaded} event */
export function messageOf({ message = "", error }) {
  return error && (isSyntax(error) || message === whatText(error)) ? "" : message;
}

/** @param {string} file @param {string} path */
const isSame = (file, path) => file === path || file.endsWith(`/${path}`);

/** @param {Failure} error */
function whatText(error) {
  if (isSyntax(error)) return error.message.replace(/ \([^()]*, line \d+\)$/, "") || "invalid syntax";
  return error.message ? `${error.type}: ${error.message}` : error.type;
}

/** The line in question, with Python's caret below it. @param {Failure} error */
function excerpt(error) {
  const lines = (error.traceback ?? "").split("\n");
  const caret = lines.findLastIndex((line) => /^\s*[~^]*\^[~^]*\s*$/.test(line));
  if (caret < 1 || !isSyntax(error)) return error.frames?.at(-1)?.source?.trim() ?? "";
  const pair = lines.slice(caret - 1, caret + 1);
  const indent = Math.min(...pair.map((line) => line.search(/\S|$/)));
  return pair.map((line) => line.slice(indent).trimEnd()).join("\n");
}

/** A reload that has just been applied, as a sentence. @param {Reloaded} event */
export function reloadNews(event) {
  const words = ["reloaded", event.kind && `(${event.kind})`, stepText(event.step)].filter(Boolean).join(" ");
  return `${words}: ${changedText(event)}`;
}

/** The answer to a reload command, as a sentence. @param {import("../../client/types.js").Answer} answer */
export function reloadAnswer({ outcome, value, step, message = "", error }) {
  if (outcome !== "applied") return `not reloaded: ${message || (error && whatText(error)) || outcome}`;
  if (!value?.kind) return message || ["reloaded", stepText(step)].filter(Boolean).join(" ");
  const words = ["reloaded", `(${value.kind})`, stepText(step)].filter(Boolean).join(" ");
  return value.changed?.length ? `${words}: ${changedText({ .../** @type {Reloaded} */ ({}), ...value })}` : words;
}
