/** The relatives of the run that is looked at, as a signal. */

import { signal } from "../../vendor/preact.js";
import { relativesOf } from "./relatives.js";

const LOOKED_AT = 500;

export class Family {
  /** @type {import("../../vendor/preact.js").Signal} */
  relatives = signal([]);

  /**
   * @param {import("../../client/index.js").Client} client
   * @param {string} id
   */
  constructor(client, id) {
    this.client = client;
    this.id = id;
  }

  /** Looks for them again: among the newest runs, and where it is older, for the parent itself. */
  async refresh() {
    const { runs } = await this.client.runs({ limit: LOOKED_AT });
    const own = runs.find(({ id }) => id === this.id) ?? (await this.client.run(this.id));
    const parent = own.origin?.run;
    if (parent && !runs.some(({ id }) => id === parent)) runs.push(...(await this.#find(parent)));
    this.relatives.value = relativesOf(own, runs);
  }

  /** @param {string} id */
  async #find(id) {
    return this.client.run(id).then(
      (run) => [run],
      () => [],
    );
  }
}
