/** Marks on the step axis: where somebody intervened, where code changed, where state was saved or came back. */

/**
 * @typedef {object} Mark
 * @property {number} step
 * @property {string} text What it says when somebody looks at it.
 * @property {"asked" | "reload" | "undone" | "snapshot" | "rewind" | "resume" | "attempt"} kind
 * @property {number} [reload] The number of the reload's event.
 * @property {number} [snapshot]
 *
 * @typedef {object} Found Everything that is marked at one place.
 * @property {number} step
 * @property {string} text
 * @property {number | null} reload
 * @property {number | null} snapshot
 */

const NEAR = 7;

/**
 * What stands at a pixel column, or near it.
 *
 * @param {Mark[]} marks
 * @param {(step: number) => number} column A step's pixel column, negative outside of the picture.
 * @param {number} left
 * @returns {Found | null}
 */
export function markNear(marks, column, left) {
  let [nearest, least] = [/** @type {number | null} */ (null), NEAR];
  for (const { step } of marks) {
    const at = column(step);
    if (at < 0 || Math.abs(at - left) > least) continue;
    [nearest, least] = [step, Math.abs(at - left)];
  }
  return nearest === null ? null : together(marks, nearest);
}

/**
 * The next mark on the axis to the right (`direction` 1) or left (-1) of a step; from nowhere, the newest.
 *
 * @param {Mark[]} marks
 * @param {[number, number]} range The steps that are in the picture.
 * @param {number | null} from
 * @param {1 | -1} direction
 * @returns {Found | null}
 */
export function nextMark(marks, [low, high], from, direction) {
  const steps = [...new Set(marks.map(({ step }) => step))].filter((step) => step >= low && step <= high);
  steps.sort((one, other) => one - other);
  const step =
    from === null
      ? steps.at(-1)
      : direction > 0
        ? steps.find((step) => step > from)
        : steps.findLast((step) => step < from);
  return step === undefined ? null : together(marks, step);
}

/** @param {Mark[]} marks @param {number} step @returns {Found} */
function together(marks, step) {
  const here = marks.filter((mark) => mark.step === step);
  const reload = here.findLast((mark) => mark.reload !== undefined)?.reload ?? null;
  const snapshot = here.findLast((mark) => mark.snapshot !== undefined)?.snapshot ?? null;
  return { step, text: here.map(({ text }) => text).join("\n"), reload, snapshot };
}

/** What a mark opens, in words; "" for nothing. @param {Found} found */
export function opens({ reload, snapshot }) {
  if (reload !== null) return "the diff";
  return snapshot === null ? "" : "the snapshot";
}
