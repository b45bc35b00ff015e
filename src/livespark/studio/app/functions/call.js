/** The arguments somebody has filled in, and the one call that is under way. */

import { signal } from "../../vendor/preact.js";

/** @typedef {import("../../client/types.js").Parameter} Parameter */

export class FunctionCall {
  /** Name to node; what is not here keeps its default. */
  filled = signal({});

  /** Name to what is wrong with it. */
  errors = signal({});
  pending = signal(false);

  /** The last answer, with the seconds it took; null before. */
  answer = signal(null);

  /** Somebody pressed the button with an argument missing or unreadable. */
  incomplete = signal(false);

  /**
   * @param {import("../run/model.js").RunModel} model
   * @param {string} path
   */
  constructor(model, path) {
    this.model = model;
    this.path = path;
  }

  /** @param {string} name @param {any} node */
  fill(name, node) {
    this.filled.value = { ...this.filled.value, [name]: node };
    this.complain(name, "");
  }

  /** @param {string} name @param {string} why */
  complain(name, why) {
    this.errors.value = { ...this.errors.value, [name]: why };
  }

  /** @param {Parameter[]} parameters */
  async start(parameters) {
    const missing = parameters.filter(
      ({ name, required = true, variadic }) => required && !variadic && !(name in this.filled.value),
    );
    for (const { name } of missing) this.complain(name, "is needed");
    this.incomplete.value = Object.values(this.errors.value).some(Boolean);
    if (this.incomplete.value || this.pending.value) return;
    this.pending.value = true;
    const began = performance.now();
    const answer = await this.#ask(argumentsOf(parameters, this.filled.value));
    this.answer.value = { ...answer, seconds: (performance.now() - began) / 1000 };
    this.pending.value = false;
  }

  /** @param {{args: any[], kwargs: Record<string, any>}} given */
  async #ask(given) {
    try {
      return await this.model.ask({ kind: "call", function: this.path, ...given });
    } catch (error) {
      return { outcome: "refused", message: error.message };
    }
  }
}

/**
 * Arguments as the command carries them. Everything goes by name, except behind `*args`.
 *
 * @param {Parameter[]} parameters
 * @param {Record<string, any>} filled
 */
export function argumentsOf(parameters, filled) {
  const rest = parameters.find(({ variadic }) => variadic === "args");
  const extra = parameters.find(({ variadic }) => variadic === "kwargs");
  const values = (/** @type {Parameter | undefined} */ parameter) => (parameter && filled[parameter.name]) ?? null;
  const spread = values(rest) ?? [];
  const plain = parameters.filter((parameter) => parameter !== rest && parameter !== extra);
  const before = spread.length && rest ? plain.slice(0, parameters.indexOf(rest)) : [];
  const args = [...before.map(({ name, default: value }) => filled[name] ?? value ?? null), ...spread];
  const named = plain.filter((parameter) => !before.includes(parameter) && parameter.name in filled);
  return { args, kwargs: { ...Object.fromEntries(named.map(({ name }) => [name, filled[name]])), ...values(extra) } };
}
