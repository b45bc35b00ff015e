/** The relatives of the run that is looked at, as a signal. */

import { signal } from "../../vendor/preact.js";
import { relativesOf } from "./relatives.js";

const LOOKED_AT = 500;
const LATELY = 30;
const INTERVAL = 15_000;

export class Family {
  /** @type {import("../../vendor/preact.js").Signal} */
  relatives = signal([]);

  #timer = 0;
  #closed = false;
  /** @type {import("../../client/types.js").Run | undefined} */
  #own;

  /**
   * @param {import("../../client/index.js").Client} client
   * @param {string} id
   */
  constructor(client, id) {
    this.client = client;
    this.id = id;
  }

  /** Looks for them, and then from time to time for new ones, which are among the newest runs. */
  async follow() {
    clearTimeout(this.#timer);
    if (!globalThis.document?.hidden) await this.#refresh().catch(() => {}); // whatever is wrong, the stream meets it, too
    if (!this.#closed) this.#timer = setTimeout(() => this.follow(), INTERVAL);
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  async #refresh() {
    const { runs } = await this.client.runs({ limit: this.#own ? LATELY : LOOKED_AT });
    const own = (this.#own ??= runs.find(({ id }) => id === this.id) ?? (await this.client.run(this.id)));
    const known = this.relatives.value.map((/** @type {import("./relatives.js").Relative} */ { run }) => run);
    const all = [...new Map([...runs, ...known].map((run) => [run.id, run])).values()];
    const parent = own.origin?.run;
    if (parent && !all.some(({ id }) => id === parent)) all.push(...(await this.#find(parent)));
    const found = relativesOf(own, all);
    if (namesOf(found) !== namesOf(this.relatives.value)) this.relatives.value = found;
  }

  /** @param {string} id */
  async #find(id) {
    return this.client.run(id).then(
      (run) => [run],
      () => [],
    );
  }
}

/** @param {import("./relatives.js").Relative[]} relatives */
const namesOf = (relatives) => relatives.map(({ run }) => run.id).join(" ");
