/** Slider positions and values. The slider itself has whole positions from 0 to STOPS. */

/** @typedef {import("../../client/types.js").Shape} Shape */

export const STOPS = 1000;

/** Whether the shape is one that a slider can have. @param {Shape} shape */
export function isBounded(shape) {
  const { minimum = null, maximum = null } = shape;
  return minimum !== null && maximum !== null && maximum > minimum && (!shape.log || minimum > 0);
}

/** @param {number} value @param {Shape} shape */
export function toPosition(value, shape) {
  const [low, high] = ends(shape);
  if (!Number.isFinite(value)) return 0;
  const part = shape.log ? Math.log(Math.max(value, low) / low) / Math.log(high / low) : (value - low) / (high - low);
  return Math.round(Math.min(1, Math.max(0, part)) * stops(shape));
}

/** @param {number} position @param {Shape} shape */
export function toValue(position, shape) {
  const [low, high] = ends(shape);
  const part = position / stops(shape);
  if (part <= 0) return low;
  if (part >= 1) return high;
  const value = shape.log ? low * (high / low) ** part : low + (high - low) * part;
  if (shape.type === "int") return Math.round(value);
  if (shape.step) return Number((low + Math.round((value - low) / shape.step) * shape.step).toPrecision(12));
  return Number(value.toPrecision(shape.log ? 2 : 3));
}

/** How many positions there are: not more than the values. @param {Shape} shape */
export function stops(shape) {
  const [low, high] = ends(shape);
  const unit = shape.type === "int" ? (shape.step ?? 1) : shape.step;
  return unit && !shape.log ? Math.min(STOPS, Math.max(1, Math.round((high - low) / unit))) : STOPS;
}

/** @param {Shape} shape @returns {[number, number]} */
function ends({ minimum, maximum }) {
  return [Number(minimum), Number(maximum)];
}
