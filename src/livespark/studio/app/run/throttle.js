/** Gathers what has changed and passes it on, at most so often. */

export class Throttle {
  /** @type {Set<string>} */
  #dirty = new Set();
  #timer = 0;
  #last = -Infinity;

  /**
   * @param {number} interval milliseconds
   * @param {(dirty: Set<string>) => void} flush
   */
  constructor(interval, flush) {
    this.interval = interval;
    this.flush = flush;
  }

  /** @param {string} part */
  touch(part) {
    this.#dirty.add(part);
    this.#timer ||= setTimeout(() => this.#fire(), Math.max(0, this.#last + this.interval - performance.now()));
  }

  stop() {
    clearTimeout(this.#timer);
  }

  #fire() {
    this.#timer = 0;
    this.#last = performance.now();
    const dirty = this.#dirty;
    this.#dirty = new Set();
    this.flush(dirty);
  }
}
