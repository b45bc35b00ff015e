/**
 * One metric's points, in columns that grow. Where state has gone back to a step, a new segment begins: what came after
 * that step is an earlier branch, what came before it belongs to the new one, too. So does a script that starts over,
 * whose steps just fall.
 */

const START = 1024;

export class Series {
  steps = new Float64Array(START);
  values = new Float64Array(START);
  length = 0;

  /** Where each segment begins. Within one, steps never fall. */
  segments = [0];

  /** Up to which step each segment still counts; beyond it is an earlier branch. */
  limits = [Infinity];

  /**
   * @param {ArrayLike<number>} steps
   * @param {ArrayLike<number>} values
   */
  append(steps, values) {
    this.#reserve(this.length + steps.length);
    for (let index = 0; index < steps.length; index += 1) {
      const at = this.length;
      if (at === this.#newest ? at > 0 : steps[index] < this.steps[at - 1]) this.branch(steps[index] - 1);
      this.steps[at] = steps[index];
      this.values[at] = values[index];
      this.length += 1;
    }
  }

  /**
   * From here on points are a new branch, which leaves the others at this step.
   *
   * @param {number} step
   */
  branch(step) {
    this.limits = this.limits.map((limit) => Math.min(limit, step));
    if (this.length > this.#newest) {
      this.segments.push(this.length);
      this.limits.push(Infinity);
    } else this.limits[this.limits.length - 1] = Infinity;
  }

  /** Where the newest segment begins. */
  get #newest() {
    return this.segments[this.segments.length - 1];
  }

  /** The newest value, or NaN. */
  get last() {
    return this.length ? this.values[this.length - 1] : NaN;
  }

  /** The newest step, or NaN. */
  get lastStep() {
    return this.length ? this.steps[this.length - 1] : NaN;
  }

  /** Smallest and largest step, or null. @returns {[number, number] | null} */
  get extent() {
    if (!this.length) return null;
    const filled = this.segments.map((start, index) => [start, this.#end(index)]).filter(([start, end]) => end > start);
    return [
      Math.min(...filled.map(([start]) => this.steps[start])),
      Math.max(...filled.map(([, end]) => this.steps[end - 1])),
    ];
  }

  /**
   * The curves between two steps, one point more on either side: the earlier branches, oldest first, each with the
   * point that it leaves from, then the one that counts, in pieces.
   *
   * @param {number} low
   * @param {number} high
   * @returns {{slices: {from: number, to: number}[], old: boolean}[]}
   */
  curves(low, high) {
    const all = this.segments.map((_, index) => ({ ...this.#parts(index), index }));
    const within = (/** @type {[number, number]} */ [start, end]) => this.#within(low, high, start, end);
    const kept = all.map(({ start, left }) => within([start, left])).filter(({ from, to }) => to > from);
    const old = all
      .filter(({ left, end }) => end > left)
      .map(({ start, left, end }) => within([Math.max(start, left - 1), end]))
      .filter(({ from, to }) => to > from);
    return [
      ...old.map((slice) => ({ slices: [slice], old: true })),
      ...(kept.length ? [{ slices: kept, old: false }] : []),
    ];
  }

  /**
   * The index of the point nearest to `step`: on the branch that counts, or where that has not come so far yet, on the
   * newest earlier one; -1 when empty.
   *
   * @param {number} step
   */
  nearest(step) {
    const beyond = this.earlier(step);
    if (beyond >= 0 && step > this.lastStep) return beyond;
    for (let index = this.segments.length - 1; index >= 0; index -= 1) {
      const { start, left } = this.#parts(index);
      if (left > start && step >= this.steps[start]) return this.#closest(step, start, left);
    }
    return this.#first();
  }

  /**
   * The index of the point nearest to `step` on the newest earlier branch that passes there; -1 where none does.
   *
   * @param {number} step
   */
  earlier(step) {
    for (let index = this.segments.length - 1; index >= 0; index -= 1) {
      const { left, end } = this.#parts(index);
      if (end > left && step >= this.steps[left] && step <= this.steps[end - 1]) return this.#closest(step, left, end);
    }
    return -1;
  }

  /** Whether the point at `index` lies on an earlier branch. @param {number} index */
  isEarlier(index) {
    const segment = this.segments.findLastIndex((start) => start <= index);
    return segment >= 0 && this.steps[index] > this.limits[segment];
  }

  /** The index of the first point that counts, else of any. */
  #first() {
    for (let index = 0; index < this.segments.length; index += 1) {
      const { start, left } = this.#parts(index);
      if (left > start) return start;
    }
    return this.length - 1;
  }

  /** A segment: where it begins, where the earlier branch in it does, where it ends. @param {number} index */
  #parts(index) {
    const [start, end, limit] = [this.segments[index], this.#end(index), this.limits[index]];
    return { start, left: limit === Infinity ? end : this.#search(limit + 1, start, end), end };
  }

  /** @param {number} low @param {number} high @param {number} start @param {number} end */
  #within(low, high, start, end) {
    const from = Math.max(start, this.#search(low, start, end) - 1);
    return { from, to: Math.min(end, this.#search(high, start, end) + 1) };
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
