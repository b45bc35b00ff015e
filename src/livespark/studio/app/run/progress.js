/** How long a run still takes, from where its loops stand. */

/** @typedef {import("../../client/types.js").Loop} Loop */

/**
 * Seconds until `loop` ends; null when nobody can know.
 *
 * @param {Loop} loop
 * @param {Loop[]} loops
 * @param {number} now Unix seconds
 * @returns {number | null}
 */
export function secondsLeft(loop, loops, now) {
  if (!loop.total) return null;
  const inner = loops.find((other) => other.parent === loop.key);
  const item = loop.rate ? 1 / loop.rate : itemFromInner(inner, loops, now);
  if (item === null) return null;
  const begun = inner?.since ? Math.min(Math.max(0, now - inner.since), item) : 0;
  return Math.max(0, (loop.total - loop.index) * item - begun);
}

/**
 * Before the first item is done, the loop inside it tells how long one takes.
 *
 * @param {Loop | undefined} inner
 * @param {Loop[]} loops
 * @param {number} now
 */
function itemFromInner(inner, loops, now) {
  if (!inner?.total) return null;
  if (inner.rate) return inner.total / inner.rate;
  const left = secondsLeft(inner, loops, now);
  return left === null ? null : left + Math.max(0, now - (inner.since ?? now));
}

/** From 0 to 1, the part of the inner loop counted in. @param {Loop} loop @param {Loop[]} loops @returns {number} */
export function fraction(loop, loops) {
  if (!loop.total) return 0;
  const inner = loops.find((other) => other.parent === loop.key);
  const part = inner && loop.index < loop.total ? fraction(inner, loops) : 0;
  return Math.min(1, (loop.index + part) / loop.total);
}
