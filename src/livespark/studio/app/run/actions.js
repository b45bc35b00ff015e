/** Pause, resume, stop: asked once, with the refusal's reason shown. */

import { signal } from "../../vendor/preact.js";
import { PAUSE_BUTTON, RELOADABLE } from "../words.js";

export class Actions {
  /** A pause or resume is on its way. */
  busy = signal(false);

  /** What went wrong last, as a sentence. */
  refusal = signal("");

  /** @param {import("./model.js").RunModel} model */
  constructor(model) {
    this.model = model;
  }

  async pauseOrResume() {
    const does = PAUSE_BUTTON[this.model.state.value]?.does;
    if (!does || this.busy.value) return;
    this.busy.value = true;
    const pressed = this.model.state.subscribe(() => (this.busy.value = false));
    this.busy.value = true;
    await this.#ask({ kind: does });
    pressed();
    this.busy.value = false;
  }

  reload() {
    return RELOADABLE.has(this.model.state.value) ? this.#ask({ kind: "reload" }) : undefined;
  }

  stop() {
    return this.#ask({ kind: "stop" });
  }

  /** @param {import("../../client/types.js").Command} command */
  async #ask(command) {
    this.refusal.value = "";
    try {
      const answer = await this.model.ask(command);
      if (answer.outcome !== "applied") this.#refused(command, answer.message || answer.outcome);
    } catch (error) {
      this.#refused(command, error.message);
    }
  }

  /** @param {{kind: string}} command @param {string} why */
  #refused(command, why) {
    this.refusal.value = `${command.kind}: ${why}`;
    setTimeout(() => (this.refusal.value = ""), 8000);
  }
}
