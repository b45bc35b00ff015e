/**
 * When charts are painted: together, at most ten times a second, and so seldom that painting never takes more than a
 * tenth of the time, however many points there are.
 */

const INTERVAL = 100;
const SHARE = 10;

export class Painter {
  /** @type {Map<() => void, boolean>} Paint functions, and whether each has something new. */
  #charts = new Map();
  #planned = false;
  #next = 0;

  /** Returns the function that takes it off again. @param {() => void} paint */
  add(paint) {
    this.#charts.set(paint, false);
    return () => void this.#charts.delete(paint);
  }

  /** `paint` has something new. @param {() => void} paint */
  request(paint) {
    if (!this.#charts.has(paint)) return;
    this.#charts.set(paint, true);
    this.#plan();
  }

  requestAll() {
    for (const paint of this.#charts.keys()) this.request(paint);
  }

  #plan() {
    if (this.#planned) return;
    this.#planned = true;
    setTimeout(() => requestAnimationFrame(() => this.#paint()), Math.max(0, this.#next - performance.now()));
  }

  #paint() {
    this.#planned = false;
    const began = performance.now();
    for (const [paint, wanted] of this.#charts) {
      if (!wanted) continue;
      this.#charts.set(paint, false);
      paint();
    }
    const now = performance.now();
    this.#next = now + Math.max(INTERVAL, (now - began) * SHARE);
  }
}
