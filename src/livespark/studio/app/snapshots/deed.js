/** Something that was asked for: pending, done, or refused or failed with the reason. */

import { CallFailed } from "../../client/index.js";
import { signal } from "../../vendor/preact.js";

const SHOWN = 10_000;

/** @typedef {{phase: "" | "pending" | "applied" | "refused" | "failed", text: string}} Verdict */

export class Deed {
  /** @type {import("../../vendor/preact.js").Signal} */
  verdict = signal(/** @type {Verdict} */ ({ phase: "", text: "" }));

  #timer = 0;

  get busy() {
    return this.verdict.value.phase === "pending";
  }

  /**
   * Does it, unless it is under way. Resolves with what `action` gave; undefined when that has thrown.
   *
   * @template T
   * @param {string} pending What is said meanwhile.
   * @param {() => Promise<T>} action
   * @param {(result: T) => string} done What is said then.
   * @returns {Promise<T | undefined>}
   */
  async run(pending, action, done) {
    if (this.busy) return undefined;
    this.#show({ phase: "pending", text: pending }, 0);
    try {
      const result = await action();
      this.#show({ phase: "applied", text: done(result) }, SHOWN);
      return result;
    } catch (error) {
      const failed = error instanceof CallFailed;
      this.#show({ phase: failed ? "failed" : "refused", text: failed ? error.reason : error.message }, 0);
      return undefined;
    }
  }

  /** What stands in the way before anything is sent. @param {string} why */
  refuse(why) {
    this.#show({ phase: "refused", text: why }, 0);
  }

  /** @param {Verdict} verdict @param {number} shown milliseconds; 0: until the next one */
  #show(verdict, shown) {
    clearTimeout(this.#timer);
    this.verdict.value = verdict;
    if (shown) this.#timer = setTimeout(() => (this.verdict.value = { phase: "", text: "" }), shown);
  }
}
