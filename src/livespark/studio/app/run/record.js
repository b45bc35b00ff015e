/** What happened in a run besides metrics: commands with their answers, states, notices. */

import { whole } from "../format.js";
import { describe } from "../words.js";

/**
 * @typedef {object} Entry
 * @property {"command" | "status" | "notice" | "gap"} kind
 * @property {number} seq
 * @property {number} time
 * @property {any} [command]
 * @property {string} [actor]
 * @property {any} [answer]
 * @property {boolean} [started]
 * @property {any} [event]
 * @property {string} [text]
 */

const MARKED = new Set(["set", "call", "pause", "reload"]);

export class Record {
  /** Oldest first. @type {Entry[]} */
  entries = [];

  /** @type {Map<string, Entry>} */
  #commands = new Map();

  clear() {
    this.entries = [];
    this.#commands.clear();
  }

  /** @param {import("../../client/types.js").Stored} stored */
  add({ seq, time, event }) {
    if (event.type === "commanded") this.#commanded(seq, time, event);
    else if (event.type === "started") this.#change(event.id, { started: true });
    else if (event.type === "answered") this.#change(event.id, { answer: event.answer });
    else if (event.type === "status") this.entries.push({ kind: "status", seq, time, event });
    else if (event.type === "notice") this.entries.push({ kind: "notice", seq, time, event });
    else if (event.type === "thinned") this.entries.push({ kind: "gap", seq, time, text: thinnedText(event) });
  }

  /** @param {{first: number, last: number}} gap */
  gap({ first, last }) {
    const text = `events ${first} to ${last} are no longer kept`;
    this.entries.push({ kind: "gap", seq: first, time: 0, text });
  }

  /** Interventions that took effect, for the axes of charts. @returns {{step: number, text: string}[]} */
  marks() {
    const marked = this.entries.filter(({ kind, command, answer }) => {
      return kind === "command" && MARKED.has(command.kind) && answer?.outcome === "applied" && isStep(answer.step);
    });
    return marked.map((entry) => ({ step: entry.answer.step, text: markText(entry) }));
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
function markText({ command, actor, answer }) {
  const what = command.kind === "call" ? `call ${describe(command)}` : describe(command);
  return `${what}\nby ${actor}, at step ${whole(answer.step)}`;
}

/** @param {import("../../client/types.js").Thinned} event */
function thinnedText({ rows, first_step, last_step }) {
  const where = `between steps ${whole(first_step)} and ${whole(last_step)}`;
  return `${whole(rows)} metric rows ${where} were dropped: the server was away too long`;
}
