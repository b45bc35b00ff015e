/**
 * One metric's points, in columns that grow. Steps may go back (a script that starts over): that begins a new segment.
 */

const START = 1024;

export class Series {
  steps = new Float64Array(START);
  values = new Float64Array(START);
  length = 0;

  /** Where each segment begins. Within one, steps never fall. */
  segments = [0];

  /**
   * @param {ArrayLike<number>} steps
   * @param {ArrayLike<number>} values
   */
  append(steps, values) {
    this.#reserve(this.length + steps.length);
    for (let index = 0; index < steps.length; index += 1) {
      const at = this.length;
      if (at && steps[index] < this.steps[at - 1]) this.segments.push(at);
      this.steps[at] = steps[index];
      this.values[at] = values[index];
      this.length += 1;
    }
  }

  /** The newest value, or NaN. */
  get last() {
    return this.length ? this.values[this.length - 1] : NaN;
  }

  /** Smallest and largest step, or null. @returns {[number, number] | null} */
  get extent() {
    if (!this.length) return null;
    const starts = this.segments.map((start) => this.steps[start]);
    const ends = this.segments.map((_, index) => this.steps[this.#end(index) - 1]);
    return [Math.min(...starts), Math.max(...ends)];
  }

  /**
   * The parts of the segments between two steps, one point more on either side, oldest first.
   *
   * @param {number} low
   * @param {number} high
   * @returns {{from: number, to: number, old: boolean}[]}
   */
  slices(low, high) {
    return this.segments.map((start, index) => {
      const end = this.#end(index);
      const from = Math.max(start, this.#search(low, start, end) - 1);
      const to = Math.min(end, this.#search(high, start, end) + 1);
      return { from, to, old: index < this.segments.length - 1 };
    });
  }

  /**
   * The index of the point nearest to `step` in the newest segment that has one around; -1 when empty.
   *
   * @param {number} step
   */
  nearest(step) {
    for (let index = this.segments.length - 1; index >= 0; index -= 1) {
      const [start, end] = [this.segments[index], this.#end(index)];
      if (end > start && (index === 0 || step >= this.steps[start])) return this.#closest(step, start, end);
    }
    return -1;
  }

  /** @param {number} step @param {number} start @param {number} end */
  #closest(step, start, end) {
    const right = Math.min(this.#search(step, start, end), end - 1);
    const left = Math.max(right - 1, start);
    return step - this.steps[left] < this.steps[right] - step ? left : right;
  }

  /** @param {number} segment */
  #end(segment) {
    return this.segments[segment + 1] ?? this.length;
  }

  /**
   * The first index in [start, end) whose step is not below `step`.
   *
   * @param {number} step
   * @param {number} start
   * @param {number} end
   */
  #search(step, start, end) {
    let [low, high] = [start, end];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.steps[middle] < step) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** @param {number} wanted */
  #reserve(wanted) {
    if (wanted <= this.steps.length) return;
    const size = Math.max(wanted, this.steps.length * 2);
    this.steps = grown(this.steps, size);
    this.values = grown(this.values, size);
  }
}

/** @param {Float64Array} column @param {number} size */
function grown(column, size) {
  const next = new Float64Array(size);
  next.set(column);
  return next;
}
