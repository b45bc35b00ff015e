/** Pause, resume, reload, snapshot, stop: asked once, with the refusal's reason, and what a reload did, shown. */

import { signal } from "../../vendor/preact.js";
import { reloadAnswer } from "../code/words.js";
import { tookText } from "../snapshots/words.js";
import { PAUSE_BUTTON, RELOADABLE, SAVABLE } from "../words.js";

const SHOWN = 8000;

export class Actions {
  /** A pause or resume is on its way. */
  busy = signal(false);

  /** A snapshot is on its way. */
  saving = signal(false);

  /** What became of the last command, as a sentence, for a while. */
  said = signal("");

  #silence = 0;

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

  /** @param {{skip?: boolean}} [options] `skip`: without the item that an exception has interrupted. */
  reload({ skip } = {}) {
    return RELOADABLE.has(this.model.state.value) ? this.#ask({ kind: "reload", skip }) : undefined;
  }

  async snapshot() {
    if (!SAVABLE.has(this.model.state.value) || this.saving.value) return;
    this.saving.value = true;
    await this.#ask({ kind: "snapshot" });
    this.saving.value = false;
  }

  stop() {
    return this.#ask({ kind: "stop" });
  }

  /** @param {import("../../client/types.js").Command} command */
  async #ask(command) {
    this.#say("");
    try {
      const answer = await this.model.ask(command);
      if (command.kind === "reload") this.#say(reloadAnswer(answer));
      else if (command.kind === "snapshot" && answer.outcome === "applied") this.#say(tookText(answer.value));
      else if (answer.outcome !== "applied") this.#say(`${command.kind}: ${answer.message || answer.error?.message || answer.outcome}`);
    } catch (error) {
      this.#say(`${command.kind}: ${error.message}`);
    }
  }

  /** @param {string} text */
  #say(text) {
    clearTimeout(this.#silence);
    this.said.value = text;
    if (text) this.#silence = setTimeout(() => (this.said.value = ""), SHOWN);
  }
}
