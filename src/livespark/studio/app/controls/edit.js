/**
 * An edit's life: what was typed is pending until the run answers, then *applied at step N* or *refused: reason*; a
 * refused one is put back.
 */

import { batch, signal } from "../../vendor/preact.js";
import { whole } from "../format.js";

const APPLIED_SHOWN = 6000;
const REFUSED_SHOWN = 12_000;

/** @typedef {{phase: "" | "pending" | "applied" | "refused", text: string}} Verdict */

const NONE = /** @type {Verdict} */ ({ phase: "", text: "" });

export class Edit {
  /** @type {import("../../vendor/preact.js").Signal} */
  verdict = signal(NONE);

  /** The node that was asked for, while it is pending; undefined otherwise. */
  wanted = signal(undefined);

  #number = 0;
  #timer = 0;

  /**
   * @param {import("../run/model.js").RunModel} model
   * @param {string} path
   */
  constructor(model, path) {
    this.model = model;
    this.path = path;
  }

  /** What stands in the way before anything is sent, as a sentence. @param {string} why */
  refuse(why) {
    this.#show({ phase: "refused", text: why }, REFUSED_SHOWN);
  }

  /** Asks for the value. Resolves when it is answered. @param {any} node */
  async commit(node) {
    const number = (this.#number += 1);
    this.wanted.value = node;
    this.#show({ phase: "pending", text: this.#waiting() }, 0);
    const verdict = await this.#ask(node);
    if (number !== this.#number) return;
    batch(() => {
      this.wanted.value = undefined;
      this.#show(verdict, verdict.phase === "applied" ? APPLIED_SHOWN : REFUSED_SHOWN);
    });
  }

  #waiting() {
    return this.model.state.value === "running" ? "waits for the next checkpoint" : "sent";
  }

  /** @param {any} node @returns {Promise<Verdict>} */
  async #ask(node) {
    try {
      const answer = await this.model.ask({ kind: "set", values: { [this.path]: node } });
      if (answer.outcome !== "applied")
        return { phase: "refused", text: answer.message || answer.error?.message || answer.outcome };
      this.model.learn({ [this.path]: node, ...answer.value });
      return {
        phase: "applied",
        text: answer.step === null || answer.step === undefined ? "applied" : `applied at step ${whole(answer.step)}`,
      };
    } catch (error) {
      return { phase: "refused", text: error.message };
    }
  }

  /** @param {Verdict} verdict @param {number} shown milliseconds; 0: until the next one */
  #show(verdict, shown) {
    clearTimeout(this.#timer);
    this.verdict.value = verdict;
    if (shown) this.#timer = setTimeout(() => (this.verdict.value = NONE), shown);
  }
}
