/** Where snapshots and branches stand on a strip of steps, in percent of its width and in lanes from above. Pure. */

const LANES = 5;

/**
 * @typedef {{from: number, to: number, lane: number, old: boolean}} Line
 * @typedef {{number: number, at: number, lane: number, old: boolean}} Dot
 * @typedef {{lines: Line[], drops: {at: number, lane: number}[], dots: Dot[], lanes: number}} Timeline
 *   `drops`: where an earlier branch leaves the first lane for its own.
 */

/**
 * The first lane is what counts; below it, newest first, what was given up.
 *
 * @param {import("./shelf.js").Shelf} shelf
 * @param {[number, number]} range The steps from edge to edge.
 * @param {[number, number]} own The steps that this run has done on what counts.
 * @returns {Timeline}
 */
export function timelineOf(shelf, [low, high], [begin, now]) {
  const at = (/** @type {number} */ step) => clamp((100 * (step - low)) / (high - low || 1));
  const given = shelf.branches
    .map((branch, index) => ({ ...branch, index, end: branch.end ?? now }))
    .filter(({ limit, end }) => limit < end)
    .slice(-LANES)
    .reverse();
  const laneOf = new Map(given.map(({ index }, lane) => [index, lane + 1]));
  const starts = given.map(({ from, limit }) => Math.max(limit, from ?? limit));
  return {
    lines: [
      { from: at(begin), to: at(now), lane: 0, old: false },
      ...given.map(({ end }, lane) => ({ from: at(starts[lane]), to: at(end), lane: lane + 1, old: true })),
    ],
    drops: starts.map((start, lane) => ({ at: at(start), lane: lane + 1 })),
    dots: shelf.list
      .filter(({ info }) => info.step !== null && info.step !== undefined)
      .filter(({ info }) => /** @type {number} */ (info.step) >= low && /** @type {number} */ (info.step) <= high)
      .map(({ info, branch, earlier }) => {
        const lane = earlier ? (laneOf.get(branch) ?? given.length) : 0;
        return { number: info.number, at: at(/** @type {number} */ (info.step)), lane, old: earlier };
      }),
    lanes: given.length + 1,
  };
}

/**
 * The steps from edge to edge where no metrics tell.
 *
 * @param {import("./shelf.js").Shelf} shelf
 * @param {number | null} now
 * @returns {[number, number]}
 */
export function spanOf(shelf, now) {
  const steps = [...shelf.list.map(({ info }) => info.step), now].filter((step) => step !== null && step !== undefined);
  return steps.length ? [Math.min(...steps), Math.max(...steps)] : [0, 1];
}

/** @param {number} part */
const clamp = (part) => Math.min(100, Math.max(0, part));
