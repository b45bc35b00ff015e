/**
 * Learning rates have no upper end, and yet one wants to drag them: they get a slider over a few decades around the
 * value.
 */

import { decodeNode, splitPath } from "../../client/index.js";

/** @typedef {import("../../client/types.js").Shape} Shape */

const NAME = /(^|_)(lr|learning_rate)$/;
const DECADES = 2;

/**
 * The shape to edit with: `shape`, or one with ends around the value where that helps. Ends stay while the value is
 * between them, so `before`, the last answer, is taken again if it fits.
 *
 * @param {string} path
 * @param {Shape} shape
 * @param {any} node
 * @param {Shape} before
 * @returns {Shape}
 */
export function withReach(path, shape, node, before) {
  const value = Number(decodeNode(node));
  if (!isOpen(shape) || !NAME.test(splitPath(path).at(-1) ?? "") || !(value > 0) || !Number.isFinite(value))
    return shape;
  if (before.log && value >= Number(before.minimum) && value <= Number(before.maximum)) return before;
  const decade = Math.floor(Math.log10(value) + 1e-9);
  return { ...shape, minimum: power(decade - DECADES), maximum: power(decade + DECADES), log: true, editor: "slider" };
}

/** @param {Shape} shape */
function isOpen({ type, editor = "auto", maximum = null, log = false }) {
  return type === "float" && editor === "auto" && maximum === null && !log;
}

/** Ten to a whole number, exactly as it would be typed. @param {number} exponent */
const power = (exponent) => Number(`1e${exponent}`);
