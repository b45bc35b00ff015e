/** Whether repainting a chart would show anything new: long curves grow by less than a pixel for many points. */

const VISIBLE = 1;
const PATIENCE = 1000;

export class Pace {
  /** @type {unknown[]} */
  #look = [];
  #high = NaN;
  #painted = -Infinity;

  /**
   * True when it is time to paint, which is then taken for done.
   *
   * @param {unknown[]} look Whatever changes the picture at once.
   * @param {number} high The last step in the picture.
   * @param {number} scale Pixels per step.
   * @param {number} now milliseconds
   */
  isDue(look, high, scale, now) {
    const same = look.length === this.#look.length && look.every((part, index) => Object.is(part, this.#look[index]));
    const grown = Math.abs(high - this.#high) * scale;
    if (same && grown < VISIBLE && now - this.#painted < PATIENCE) return false;
    this.#look = look;
    this.#high = high;
    this.#painted = now;
    return true;
  }
}
