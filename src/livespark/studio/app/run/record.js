/** What happened in a run besides metrics: commands with their answers, reloads, states, notices. */

import { reloadMark } from "../code/words.js";
import { whole } from "../format.js";
import { describe } from "../words.js";

/**
 * @typedef {object} Entry
 * @property {"command" | "reload" | "status" | "notice" | "state" | "gap"} kind
 * @property {number} seq
 * @property {number} time
 * @property {any} [command]
 * @property {string} [actor]
 * @property {any} [answer]
 * @property {boolean} [started]
 * @property {any} [event]
 * @property {string} [text]
 */

const MARKED = new Set(["set", "call", "pause"]);

/** What happens to saved state. */
const STATE = new Set(["snapshotted", "snapshot-failed", "snapshots-removed", "rewound", "resumed", "attempt"]);

export class Record {
  /** Oldest first. @type {Entry[]} */
  entries = [];

  /** Those of kind "reload", oldest first. @type {Entry[]} */
  reloads = [];

  /** How many versions of files have been heard of. */
  sources = 0;

  /** @type {Map<string, Entry>} */
  #commands = new Map();

  clear() {
    this.entries = [];
    this.reloads = [];
    this.sources = 0;
    this.#commands.clear();
  }

  /** @param {import("../../client/types.js").Stored} stored */
  add({ seq, time, event }) {
    if (event.type === "commanded") this.#commanded(seq, time, event);
    else if (event.type === "started") this.#change(event.id, { started: true });
    else if (event.type === "answered") this.#change(event.id, { answer: event.answer });
    else if (event.type === "source") this.sources += 1;
    else if (event.type === "reloaded") this.#reloaded({ kind: "reload", seq, time, event });
    else if (event.type === "status") this.entries.push({ kind: "status", seq, time, event });
    else if (event.type === "notice") this.entries.push({ kind: "notice", seq, time, event });
    else if (STATE.has(event.type)) this.entries.push({ kind: "state", seq, time, event });
    else if (event.type === "thinned") this.entries.push({ kind: "gap", seq, time, text: thinnedText(event) });
  }

  /** @param {{first: number, last: number}} gap */
  gap({ first, last }) {
    const text = `events ${first} to ${last} are no longer kept`;
    this.entries.push({ kind: "gap", seq: first, time: 0, text });
  }

  /** The newest reload, whatever became of it. */
  get lastReload() {
    return this.reloads.at(-1) ?? null;
  }

  /** What took effect at which step, for the axes of charts. @returns {import("../charts/marks.js").Mark[]} */
  marks() {
    const marked = this.entries.filter(({ kind, command, answer }) => {
      return kind === "command" && MARKED.has(command.kind) && answer?.outcome === "applied" && isStep(answer.step);
    });
    const reloads = this.reloads.filter(({ event }) => event.outcome !== "refused" && isStep(event.step));
    return [
      ...marked.map((entry) => ({
        kind: /** @type {const} */ ("asked"),
        step: entry.answer.step,
        text: askedMark(entry),
      })),
      ...reloads.map(({ seq, event }) => ({
        kind: event.outcome === "undone" ? /** @type {const} */ ("undone") : /** @type {const} */ ("reload"),
        step: event.step,
        text: reloadMark(event),
        reload: seq,
      })),
    ];
  }

  /** @param {Entry} entry */
  #reloaded(entry) {
    this.entries.push(entry);
    this.reloads.push(entry);
  }

  /** @param {number} seq @param {number} time @param {import("../../client/types.js").Commanded} event */
  #commanded(seq, time, { id, command, actor }) {
    const entry = /** @type {Entry} */ ({ kind: "command", seq, time, command, actor });
    this.#commands.set(id, entry);
    this.entries.push(entry);
  }

  /** @param {string} id @param {Partial<Entry>} news */
  #change(id, news) {
    const entry = this.#commands.get(id);
    if (entry) Object.assign(entry, news);
  }
}

/** @param {unknown} step */
const isStep = (step) => step !== null && step !== undefined;

/** @param {Entry} entry */
function askedMark({ command, actor, answer }) {
  const what = command.kind === "call" ? `call ${describe(command)}` : describe(command);
  return `${what}\nby ${actor}, at step ${whole(answer.step)}`;
}

/** @param {import("../../client/types.js").Thinned} event */
function thinnedText({ rows, first_step, last_step }) {
  const where = `between steps ${whole(first_step)} and ${whole(last_step)}`;
  return `${whole(rows)} metric rows ${where} were dropped: the server was away too long`;
}
