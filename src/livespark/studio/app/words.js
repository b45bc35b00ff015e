/** Words for states and commands: every state has some, every refusal its reason. */

import { brief } from "./format.js";

/** @typedef {import("../client/types.js").RunState} RunState */

/** What a state means, and how it looks. @type {Record<RunState, {tone: string, text: string}>} */
export const STATES = {
  queued: { tone: "calm", text: "waits for a free place" },
  starting: { tone: "calm", text: "the worker is being started" },
  running: { tone: "good", text: "" },
  pausing: { tone: "warn", text: "waits for the current step" },
  paused: { tone: "warn", text: "edits and calls still work" },
  reloading: { tone: "calm", text: "the new code takes over" },
  idle: { tone: "calm", text: "the script has returned; its functions can be called" },
  held: { tone: "bad", text: "the script raised; its state is in memory" },
  stopping: { tone: "warn", text: "waits for the current step" },
  lost: { tone: "warn", text: "not heard of for a while; it may still be training" },
  completed: { tone: "calm", text: "the script has returned" },
  failed: { tone: "bad", text: "" },
  stopped: { tone: "calm", text: "" },
  cancelled: { tone: "calm", text: "" },
};

const ENDED = new Set(["completed", "failed", "stopped", "cancelled"]);

/** @param {RunState} state */
export const hasEnded = (state) => ENDED.has(state);

/**
 * What the pause button does in each state; where it does nothing, why.
 *
 * @type {Record<string, {does?: "pause" | "resume", why?: string}>}
 */
export const PAUSE_BUTTON = {
  running: { does: "pause" },
  reloading: { does: "pause" },
  starting: { does: "pause" },
  lost: { does: "pause" },
  pausing: { does: "resume" },
  paused: { does: "resume" },
  queued: { why: "the run has not started yet" },
  idle: { why: "nothing is executing: the script has returned" },
  held: { why: "nothing is executing: the script has raised" },
  stopping: { why: "the run is stopping" },
};

/** States in which new code can be taken. @type {Set<RunState>} */
export const RELOADABLE = new Set(["running", "pausing", "paused", "idle", "held"]);

/** States in which a snapshot can be asked for. @type {Set<RunState>} */
export const SAVABLE = new Set(["running", "pausing", "paused", "reloading", "idle", "held", "lost"]);

/** States in which the run has a process, and so what that holds in its memory. @type {Set<RunState>} */
export const HAS_WORKER = new Set([...SAVABLE, "stopping"]);

/** A command in a few words. @param {import("../client/types.js").Command} command */
export function describe(command) {
  if (command.kind === "set") return setText(command.values);
  if (command.kind === "call") return `${command.function}(${argumentsText(command)})`;
  if (command.kind === "snapshot") return command.label ? `snapshot “${command.label}”` : "snapshot";
  if (command.kind === "rewind") return rewindText(command);
  return command.kind === "stop" && command.cancel ? "cancel" : command.kind;
}

/** @param {import("../client/types.js").Rewind} command */
function rewindText({ snapshot, step, values = {}, skip }) {
  const given = (/** @type {number | null | undefined} */ value) => value !== null && value !== undefined;
  const where = given(snapshot) ? ` to snapshot ${snapshot}` : given(step) ? ` to step ${step}` : "";
  return [`rewind${where}`, setText(values), skip && "without the items in between"].filter(Boolean).join(", ");
}

/** @param {Record<string, any>} values */
function setText(values) {
  return Object.entries(values)
    .map(([path, value]) => `${path} = ${brief(value, 40)}`)
    .join(", ");
}

/** @param {{args?: any[], kwargs?: Record<string, any>}} call */
function argumentsText({ args = [], kwargs = {} }) {
  const named = Object.entries(kwargs).map(([name, value]) => `${name}=${brief(value, 30)}`);
  return [...args.map((value) => brief(value, 30)), ...named].join(", ");
}
