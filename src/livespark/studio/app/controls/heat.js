/** Colours for the cells of a heat map. */

/**
 * The finite range of `values`, and the colour of each; what is not finite stands out.
 *
 * @param {number[][]} values
 * @param {Record<string, string>} [colours]
 */
export function heat(values, colours = {}) {
  let [low, high] = [Infinity, -Infinity];
  for (const row of values) {
    for (const value of row) {
      if (!Number.isFinite(value)) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  if (low > high) [low, high] = [NaN, NaN];
  const colour = (/** @type {number} */ value) =>
    Number.isFinite(value) ? mixed(colours, (value - low) / (high - low || 1)) : colours.warn;
  return { low, high, colour };
}

/** @param {Record<string, string>} colours @param {number} part */
function mixed(colours, part) {
  return `color-mix(in oklab, ${colours["heat-high"]} ${(part * 100).toFixed(1)}%, ${colours["heat-low"]})`;
}
