/** A relative whose curves are shown along with this run's. Which one it is stands in the page's address. */

import { Metrics } from "../charts/metrics.js";
import { signal } from "../../vendor/preact.js";

const INTERVAL = 3000;
const NAME = "compare";

export class Comparison {
  /** The run that is compared with; "": none. */
  shown = signal(new URLSearchParams(location.search).get(NAME) ?? "");

  /** Its metrics; null: none, or none yet. */
  metrics = signal(null);

  /** Changes when there are more of them. */
  tick = signal(0);

  /** Why they can't be had, as a sentence. */
  trouble = signal("");

  #timer = 0;
  #after = 0;

  /** @param {import("../../client/index.js").Client} client */
  constructor(client) {
    this.client = client;
    if (this.shown.value) void this.#follow(this.shown.value);
  }

  /** Compares with this run, or no longer. @param {string} id */
  toggle(id) {
    this.close();
    this.shown.value = this.shown.value === id ? "" : id;
    this.metrics.value = null;
    this.trouble.value = "";
    this.#after = 0;
    history.replaceState(null, "", addressWith(this.shown.value));
    if (this.shown.value) void this.#follow(id);
  }

  close() {
    clearTimeout(this.#timer);
  }

  /** Reads what there is, and again after a while what has been added. @param {string} id */
  async #follow(id) {
    try {
      if (!document.hidden) await this.#read(id);
    } catch (error) {
      if (this.shown.value === id) this.trouble.value = `${id}: ${error.message}`;
    }
    if (this.shown.value === id) this.#timer = setTimeout(() => this.#follow(id), INTERVAL);
  }

  /** @param {string} id */
  async #read(id) {
    const metrics = this.metrics.value ?? new Metrics();
    for (let more = true; more && this.shown.value === id;) {
      const page = await this.client.metrics(id, { after: this.#after });
      if (this.shown.value !== id) return;
      metrics.take(page.series);
      more = page.next !== null && page.next !== undefined;
      this.#after = page.next ?? page.last_seq;
    }
    this.metrics.value = metrics;
    this.trouble.value = "";
    this.tick.value += 1;
  }
}

/** The page's address with this run to compare with. @param {string} id */
function addressWith(id) {
  const wanted = new URL(location.href);
  if (id) wanted.searchParams.set(NAME, id);
  else wanted.searchParams.delete(NAME);
  return wanted.pathname + wanted.search + wanted.hash;
}
