/** The snapshots of a run, and the branches that its steps have taken: what the record tells of both. */

import { rewoundMark, resumedMark, snapshotMark } from "./words.js";

/**
 * @typedef {import("../../client/types.js").SnapshotInfo} SnapshotInfo
 * @typedef {import("../../client/types.js").Stored} Stored
 *
 * @typedef {object} Kept A snapshot on disk.
 * @property {SnapshotInfo} info
 * @property {boolean} earlier It lies on a branch that was given up.
 * @property {number} branch
 *
 * @typedef {object} Branch Steps that were done in one go. `limit`: up to there they count still.
 * @property {number | null} from Where it leaves the one before it.
 * @property {number | null} end Where it was given up; null: it goes on.
 * @property {number} limit
 */

export class Shelf {
  /** From the oldest to the one that grows. @type {Branch[]} */
  branches = [{ from: null, end: null, limit: Infinity }];

  /** Where state came back: events `rewound` and `resumed`, oldest first. @type {Stored[]} */
  returns = [];

  /** Events `attempt`, oldest first. @type {Stored[]} */
  attempts = [];

  /** The newest failure since the last snapshot that succeeded. @type {Stored | null} */
  failure = null;

  /** When it began that none succeeded: the number of the first failure's event. */
  failingSince = 0;

  /** @type {Map<number, {info: SnapshotInfo, branch: number}>} */
  #kept = new Map();
  /** @type {Set<number>} */
  #removed = new Set();

  clear() {
    this.branches = [{ from: null, end: null, limit: Infinity }];
    this.returns = [];
    this.attempts = [];
    this.failure = null;
    this.#kept.clear();
    this.#removed.clear();
  }

  /**
   * Takes an event in. Returns the step at which a new branch begins, null where none does.
   *
   * @param {Stored} stored
   * @param {number | null} newest The step of the last metrics.
   * @returns {number | null}
   */
  add(stored, newest) {
    const { event } = stored;
    if (event.type === "snapshotted") this.#took(event.snapshot);
    else if (event.type === "snapshot-failed") this.#failed(stored);
    else if (event.type === "snapshots-removed") this.#drop(event.numbers);
    else if (event.type === "attempt") this.attempts.push(stored);
    else if (event.type === "rewound") return this.#returned(stored, event.step, event.from_step ?? newest);
    else if (event.type === "resumed") return this.#returned(stored, event.step, newest);
    return null;
  }

  /** The server's list: also what the record no longer tells. @param {SnapshotInfo[]} infos */
  take(infos) {
    for (const info of infos) {
      if (this.#removed.has(info.number) || this.#kept.has(info.number)) continue;
      this.#kept.set(info.number, { info, branch: 0 });
    }
  }

  /** Those on disk, oldest first. @returns {Kept[]} */
  get list() {
    const kept = [...this.#kept.values()].sort((one, other) => one.info.number - other.info.number);
    return kept.map(({ info, branch }) => ({ info, branch, earlier: (info.step ?? 0) > this.branches[branch].limit }));
  }

  /** For the axes of charts. @returns {import("../charts/marks.js").Mark[]} */
  marks() {
    const snapshots = this.list.filter(({ info }) => isStep(info.step)).map(({ info }) => snapshotMark(info));
    const returns = this.returns.map((stored) => returnMark(stored, this.attempts)).filter(({ step }) => isStep(step));
    return [...snapshots, ...returns];
  }

  /** @param {SnapshotInfo} info */
  #took(info) {
    this.#kept.set(info.number, { info, branch: this.branches.length - 1 });
    this.failure = null;
  }

  /** @param {Stored} stored */
  #failed(stored) {
    if (!this.failure) this.failingSince = stored.seq;
    this.failure = stored;
  }

  /** @param {number[]} numbers */
  #drop(numbers) {
    for (const number of numbers) {
      this.#kept.delete(number);
      this.#removed.add(number);
    }
  }

  /**
   * @param {Stored} stored
   * @param {number | null | undefined} step
   * @param {number | null} end
   */
  #returned(stored, step, end) {
    this.returns.push(stored);
    if (!isStep(step)) return null;
    for (const branch of this.branches) branch.limit = Math.min(branch.limit, step);
    const last = this.branches[this.branches.length - 1];
    last.end = end ?? step;
    this.branches.push({ from: step, end: null, limit: Infinity });
    return step;
  }
}

/** @param {unknown} step @returns {step is number} */
const isStep = (step) => step !== null && step !== undefined;

/** @param {Stored} stored @param {Stored[]} attempts @returns {import("../charts/marks.js").Mark} */
function returnMark({ seq, event }, attempts) {
  if (event.type === "rewound") return rewoundMark(event);
  const attempt = attempts.findLast((other) => other.seq < seq)?.event;
  return resumedMark(
    /** @type {import("../../client/types.js").Resumed} */ (event),
    attempt?.type === "attempt" ? attempt : null,
  );
}
