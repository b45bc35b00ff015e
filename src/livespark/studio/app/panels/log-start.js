/**
 * Where to begin with a log that may be huge: a request tells whether there is more behind a byte, not how long the log
 * is.
 */

/**
 * A byte that has at most about twice `tail` bytes behind it; 0 for a short log.
 *
 * @param {(offset: number) => Promise<boolean>} reaches Whether the log has more than `offset` bytes.
 * @param {number} tail bytes
 * @returns {Promise<number>}
 */
export async function findStart(reaches, tail) {
  if (!(await reaches(2 * tail))) return 0;
  let [low, high] = [2 * tail, 4 * tail];
  while (await reaches(high)) [low, high] = [high, 2 * high];
  while (high - low > tail) {
    const middle = Math.floor((low + high) / 2);
    if (await reaches(middle)) low = middle;
    else high = middle;
  }
  return low - tail;
}
