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
const APART = 9;
const TOGETHER = 4;
const LISTED = 4;
const FEW = 2;

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
  if (nearest === null) return null;
  const middle = column(nearest);
  const here = marks.filter(({ step }) => column(step) >= 0 && Math.abs(column(step) - middle) <= TOGETHER);
  return found(here, nearest);
}

/**
 * Those that are drawn: where marks of one kind would cover each other, the newest, which stands last.
 *
 * @template {{column: number, kind: Mark["kind"]}} Placed
 * @param {Placed[]} marks
 * @returns {Placed[]}
 */
export function thinned(marks) {
  const taken = /** @type {Map<string, number>} */ (new Map());
  const isFree = (/** @type {Placed} */ { column, kind }) => {
    const cell = Math.floor(column / APART);
    const near = [-1, 0, 1].map((aside) => taken.get(`${kind} ${cell + aside}`) ?? NaN);
    if (near.some((other) => Math.abs(other - column) < APART)) return false;
    taken.set(`${kind} ${cell}`, column);
    return true;
  };
  return marks.toReversed().filter(isFree).reverse();
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
  if (step === undefined) return null;
  return found(
    marks.filter((mark) => mark.step === step),
    step,
  );
}

/** @param {Mark[]} here @param {number} step Where the nearest of them stands. @returns {Found} */
function found(here, step) {
  here = [...here.filter((mark) => mark.step !== step), ...here.filter((mark) => mark.step === step)];
  const reload = here.findLast((mark) => mark.reload !== undefined)?.reload ?? null;
  const snapshot = here.findLast((mark) => mark.snapshot !== undefined)?.snapshot ?? null;
  const more = here.length - LISTED;
  const lines = here.slice(-LISTED).map(({ text }) => (here.length > FEW ? text.split("\n", 1)[0] : text));
  return { step, text: [more > 0 && `${more} more, and`, ...lines].filter(Boolean).join("\n"), reload, snapshot };
}

/** What a mark opens, in words; "" for nothing. @param {Found} found */
export function opens({ reload, snapshot }) {
  if (reload !== null) return "the diff";
  return snapshot === null ? "" : "the snapshot";
}
