/** Snapshots, rewinds, resumes and retries in words. */

import { brief, duration, number, whole } from "../format.js";

/**
 * @typedef {import("../../client/types.js").SnapshotInfo} SnapshotInfo
 * @typedef {import("../../client/types.js").Rewound} Rewound
 * @typedef {import("../../client/types.js").Resumed} Resumed
 * @typedef {import("../../client/types.js").Attempt} Attempt
 * @typedef {import("../charts/marks.js").Mark} Mark
 */

const CAUSES = /** @type {Record<import("../../client/types.js").Cause, string>} */ ({
  asked: "asked for",
  every: "scheduled",
  best: "best so far",
  stop: "the run was stopped",
  signal: "ended from outside",
  end: "the script returned",
});

const UNITS = ["B", "kB", "MB", "GB", "TB"];

/** Why it was taken. @param {import("../../client/types.js").Cause} cause */
export const causeText = (cause) => CAUSES[cause] ?? cause;

/**
 * Whether a policy's metric ("max:accuracy", "accuracy") is this one ("test/accuracy").
 *
 * @param {string} name
 * @param {string} best
 */
export function isMeant(name, best) {
  const wanted = best.replace(/^(min|max):/, "");
  return wanted !== "" && (name === wanted || name.endsWith(`/${wanted}`));
}

/** Bytes in three digits: "412 MB". @param {number} bytes */
export function bytesText(bytes) {
  const power = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  return `${number(bytes / 1000 ** power, 3)} ${UNITS[power]}`;
}

/** The size, and how much of it was new. @param {SnapshotInfo} info */
export function sizeText({ size = 0, written = 0 }) {
  if (!size) return "no arrays";
  return written < size
    ? `${bytesText(size)}, ${written ? `${bytesText(written)} new` : "nothing new"}`
    : bytesText(size);
}

/** Seconds for people. @param {number} seconds */
export function secondsText(seconds) {
  if (seconds >= 100) return duration(seconds);
  return seconds >= 1 ? `${number(seconds, 2)} s` : `${whole(seconds * 1000)} ms`;
}

/** "1 array", "8 arrays". @param {number} count @param {string} what */
export const counted = (count, what) => `${whole(count)} ${what}${count === 1 ? "" : "s"}`;

/** "step 8,800", or nothing. @param {number | null | undefined} step */
export const stepName = (step) => (step === null || step === undefined ? "" : `step ${whole(step)}`);

/** A snapshot that has just been taken, as a sentence. @param {SnapshotInfo} info */
export function tookText(info) {
  const at = stepName(info.step);
  const name = `snapshot ${whole(info.number)}${at && ` at ${at}`}`;
  return `${name}: ${sizeText(info)}; the training stood still for ${secondsText(info.stall ?? 0)}`;
}

/** From where to where, as a sentence. @param {Rewound} event */
export function rewoundText({ snapshot, step, from_step, seconds = 0, in_memory }) {
  const way = [
    from_step !== null && from_step !== undefined && `from ${stepName(from_step)}`,
    stepName(step) && `to ${stepName(step)}`,
  ];
  const how = [`snapshot ${whole(snapshot)}`, in_memory && "from memory", seconds > 0 && secondsText(seconds)];
  return `${["rewound", ...way].filter(Boolean).join(" ")} (${how.filter(Boolean).join(", ")})`;
}

/** What was changed along with a rewind: "lr = 0.1, ...". @param {Record<string, any>} [values] */
export function valuesText(values = {}) {
  return Object.entries(values)
    .map(([path, value]) => `${path} = ${brief(value, 40)}`)
    .join(", ");
}

/** From which state a run or a process goes on. @param {Resumed} event @param {string} [run] The run itself. */
export function resumedText({ origin, step }, run = "") {
  const { relation = "resume", snapshot } = origin;
  const words = { resume: "resumed from", fork: "forked from", retry: "started again from" };
  const whose = relation === "retry" || origin.run === run ? "" : `${origin.run}, `;
  const which = snapshot === null || snapshot === undefined ? "its newest snapshot" : `snapshot ${whole(snapshot)}`;
  return `${words[relation]} ${whose}${which}${stepName(step) && `, ${stepName(step)}`}`;
}

/** @param {Attempt} event */
export function attemptText({ incarnation, left, step, delay = 0 }) {
  const rest = left === 1 ? "1 more may follow" : `${left ? whole(left) : "none"} more may follow`;
  const far = stepName(step) && `it had come to ${stepName(step)}; `;
  return `${far}start number ${whole(incarnation)}${delay ? ` after ${secondsText(delay)}` : ""}; ${rest}`;
}

/** @param {SnapshotInfo} info @returns {Mark} */
export function snapshotMark(info) {
  const label = info.label ? ` “${info.label}”` : "";
  const text = `snapshot ${whole(info.number)}${label}: ${causeText(info.cause)}\nat ${stepName(info.step)}`;
  return { kind: "snapshot", step: info.step ?? 0, text, snapshot: info.number };
}

/** @param {Rewound} event @returns {Mark} */
export function rewoundMark(event) {
  const more = [event.automatic && `by itself: ${event.reason}`, valuesText(event.values)].filter(Boolean);
  return { kind: "rewind", step: /** @type {number} */ (event.step), text: [rewoundText(event), ...more].join("\n") };
}

/** @param {Resumed} event @param {Attempt | null} attempt @returns {Mark} */
export function resumedMark(event, attempt) {
  const retry = event.origin.relation === "retry";
  const why = retry && attempt ? `\n${attempt.reason}` : "";
  const step = /** @type {number} */ (event.step);
  return { kind: retry ? "attempt" : "resume", step, text: resumedText(event) + why };
}
