/** What of a run's snapshots is looked at. */

import { signal } from "../../vendor/preact.js";

/** @typedef {"detail" | "rewind" | "fork"} Part */

export class SnapshotView {
  /** Which one is open, and what of it; null: none. */
  open = signal(null);

  /** The one to be brought into view; 0: none. */
  wanted = signal(0);

  /** The one whose form was closed, and which one that was: the focus goes back to where it was opened. */
  closed = signal(null);

  /** The one that was deleted here, and had the focus; 0: none. */
  deleted = signal(0);

  /** @type {Map<number, Promise<import("../../client/types.js").SnapshotDetail>>} A snapshot never changes. */
  #details = new Map();

  /** Opens a snapshot and brings it into view. @param {number} number */
  show(number) {
    this.open.value = { number, part: "detail" };
    this.wanted.value = number;
  }

  /** @param {number} number @param {Part} part */
  toggle(number, part) {
    const { open } = this;
    open.value = open.value?.number === number && open.value.part === part ? null : { number, part };
  }

  close() {
    this.closed.value = this.open.value;
    this.open.value = null;
  }

  /** @param {import("../../client/index.js").LiveRun} run @param {number} number */
  detail(run, number) {
    const asked = this.#details.get(number) ?? run.snapshotDetail(number);
    this.#details.set(number, asked);
    asked.catch(() => this.#details.delete(number));
    return asked;
  }
}
