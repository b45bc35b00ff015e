/**
 * From any number of points to at most two per pixel column: the smallest and the largest, in the order in which they
 * came. So no spike is lost. Values that are not finite break the line; their columns are told apart.
 */

/**
 * @typedef {object} Trace
 * @property {number[]} xs Pixel columns, from 0 on; fractions where points are sparse.
 * @property {number[]} ys Values; NaN breaks the line.
 * @property {number[]} means One for each of `columns`: the mean there; NaN where nothing can be drawn.
 * @property {number[]} columns
 * @property {number[]} gaps Columns that hold values which can't be drawn.
 */

/**
 * @param {import("./series.js").Series} series
 * @param {{from: number, to: number}[]} slices One line, whose steps never fall.
 * @param {{low: number, high: number, width: number, positive: boolean}} frame `positive`: zero and less is left out.
 * @returns {Trace}
 */
export function decimate({ steps, values }, slices, { low, high, width, positive }) {
  const trace = /** @type {Trace} */ ({ xs: [], ys: [], means: [], columns: [], gaps: [] });
  const scale = width / (high - low || 1);
  const bucket = new Bucket(trace);
  for (const { from, to } of slices) {
    for (let index = from; index < to; index += 1) {
      const x = (steps[index] - low) * scale;
      const value = values[index];
      if (Math.floor(x) !== bucket.column) bucket.begin(Math.floor(x));
      if (Number.isFinite(value) && (value > 0 || !positive)) bucket.add(x, value);
      else bucket.skip();
    }
  }
  bucket.flush();
  return trace;
}

/** One pixel column in the making. */
class Bucket {
  column = NaN;
  #count = 0;
  #sum = 0;
  #first = 0;
  #minimum = 0;
  #maximum = 0;
  #rising = true;
  #gap = false;

  /** @param {Trace} trace */
  constructor(trace) {
    this.trace = trace;
  }

  /** @param {number} column */
  begin(column) {
    this.flush();
    this.column = column;
    this.#count = 0;
    this.#sum = 0;
    this.#gap = false;
  }

  /** @param {number} x @param {number} value */
  add(x, value) {
    this.#count += 1;
    this.#sum += value;
    if (this.#count === 1) {
      this.#first = x;
      this.#minimum = value;
      this.#maximum = value;
    } else if (value > this.#maximum) {
      this.#maximum = value;
      this.#rising = true;
    } else if (value < this.#minimum) {
      this.#minimum = value;
      this.#rising = false;
    }
  }

  skip() {
    this.#gap = true;
  }

  flush() {
    if (this.#count) this.#points();
    if (this.#gap) this.#break();
  }

  #break() {
    const { xs, ys, means, columns, gaps } = this.trace;
    gaps.push(this.column);
    xs.push(this.column);
    ys.push(NaN);
    if (this.#count) return;
    means.push(NaN);
    columns.push(this.column);
  }

  #points() {
    const { xs, ys, means, columns } = this.trace;
    const pair = this.#rising ? [this.#minimum, this.#maximum] : [this.#maximum, this.#minimum];
    const single = this.#count === 1 || this.#minimum === this.#maximum;
    for (const value of single ? [this.#minimum] : pair) {
      xs.push(this.#count === 1 ? this.#first : this.column + 0.5);
      ys.push(value);
    }
    means.push(this.#sum / this.#count);
    columns.push(this.#count === 1 ? this.#first : this.column + 0.5);
  }
}

/**
 * `values` as a slow eye sees them: an exponential mean, taken forwards and backwards so that nothing lags behind.
 *
 * @param {number[]} columns
 * @param {number[]} values
 * @param {number} span in columns
 * @returns {number[]}
 */
export function smooth(columns, values, span) {
  const forwards = decay(columns, values, span);
  const backwards = decay(columns.map((column) => -column).reverse(), [...values].reverse(), span).reverse();
  return forwards.map((value, index) => (value + backwards[index]) / 2);
}

/** @param {number[]} columns @param {number[]} values @param {number} span */
function decay(columns, values, span) {
  let [sum, weight] = [0, 0];
  return values.map((value, index) => {
    const kept = weight ? Math.exp((columns[index - 1] - columns[index]) / span) : 0;
    if (Number.isNaN(value)) [sum, weight] = [0, 0];
    if (Number.isNaN(value)) return NaN;
    sum = sum * kept + value;
    weight = weight * kept + 1;
    return sum / weight;
  });
}

/**
 * The range of an axis that shows all traces: a little wider than what is on it.
 *
 * @param {Trace[]} traces
 * @param {boolean} log
 * @returns {[number, number]}
 */
export function rangeOf(traces, log) {
  let [low, high] = [Infinity, -Infinity];
  for (const { ys } of traces) {
    for (const value of ys) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  if (low > high) return log ? [0.1, 1] : [0, 1];
  if (log) return [low / 1.15, high * 1.15];
  const margin = (high - low) * 0.06 || Math.abs(high) * 0.1 || 1;
  return [low - margin, high + margin];
}
