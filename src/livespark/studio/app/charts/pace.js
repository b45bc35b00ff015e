/** Whether repainting a chart would show anything new: long curves grow by less than a pixel for many points. */

const VISIBLE = 1;
const PATIENCE = 1000;

export class Pace {
  /** @type {unknown[]} */
  #look = [];
  /** @type {number[]} */
  #ends = [];
  #painted = -Infinity;

  /**
   * True when it is time to paint, which is then taken for done.
   *
   * @param {unknown[]} look Whatever changes the picture at once.
   * @param {number[]} ends The steps at which the picture and the curve end.
   * @param {number} scale Pixels per step.
   * @param {number} now milliseconds
   */
  isDue(look, ends, scale, now) {
    const same = look.length === this.#look.length && look.every((part, index) => Object.is(part, this.#look[index]));
    const grown = Math.max(...ends.map((end, index) => Math.abs(end - this.#ends[index]))) * scale;
    if (same && grown < VISIBLE && now - this.#painted < PATIENCE) return false;
    this.#look = look;
    this.#ends = ends;
    this.#painted = now;
    return true;
  }
}
