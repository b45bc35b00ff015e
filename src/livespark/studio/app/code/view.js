/** What of a run's code is looked at. */

import { signal } from "../../vendor/preact.js";

export class CodeView {
  /** The numbers of the reloads that are open. */
  opened = signal(new Set());

  /** The one to be brought into view; 0: none. */
  wanted = signal(0);

  /** The files of which step are listed; null: now. */
  step = signal(null);

  /** The version that is read: its path, hash, and a word on when it ran; null: none. */
  file = signal(null);

  /** @type {Map<string, string>} Texts never change under their hash. */
  #texts = new Map();

  /** Opens a reload and brings it into view. @param {number} seq */
  show(seq) {
    this.opened.value = new Set([...this.opened.value, seq]);
    this.wanted.value = seq;
  }

  /** @param {number} seq */
  toggle(seq) {
    const opened = new Set(this.opened.value);
    if (!opened.delete(seq)) opened.add(seq);
    this.opened.value = opened;
  }

  /** @param {import("../../client/index.js").LiveRun} run @param {string} hash */
  async text(run, hash) {
    const text = this.#texts.get(hash) ?? (await run.text(hash));
    this.#texts.set(hash, text);
    return text;
  }
}
