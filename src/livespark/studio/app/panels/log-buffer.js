/**
 * What the script wrote, as lines. Each of its two streams has its own open line; a carriage return writes over it, as
 * progress bars do. The oldest lines go when there are too many.
 */

const LIMIT = 100_000;

/** @typedef {{text: string, stream: "stdout" | "stderr", time: number, number: number}} Line */

export class LogBuffer {
  /** @type {Line[]} */
  lines = [];

  /** The byte at which our copy begins. */
  start = 0;

  /** How many lines were let go, those before `start` not counted. */
  dropped = 0;

  /** Changes with every line that changed. */
  version = 0;

  #open = /** @type {Record<string, {line: Line, returned: boolean} | null>} */ ({ stdout: null, stderr: null });
  #decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };
  #count = 0;

  /** @param {number} [limit] lines */
  constructor(limit = LIMIT) {
    this.limit = limit;
  }

  /** @param {number} start */
  begin(start) {
    this.start = start;
  }

  /** @param {import("../../client/types.js").Output} output */
  append({ stream, time, text, base64 }) {
    this.version += 1;
    const parts = (base64 ? this.#decode(stream, base64) : (text ?? "")).split(/(\n|\r(?!\n))/);
    for (const part of parts) {
      if (part === "\n") this.#finish(stream, time);
      else if (part === "\r") this.#return(stream);
      else if (part && part !== "\r") this.#write(stream, time, part);
    }
    this.#trim();
  }

  /** @param {"stdout" | "stderr"} stream @param {string} base64 */
  #decode(stream, base64) {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    return this.#decoders[stream].decode(bytes, { stream: true });
  }

  /** A line may be empty. @param {"stdout" | "stderr"} stream @param {number} time */
  #finish(stream, time) {
    this.#open[stream] ??= this.#begin(stream, time);
    this.#open[stream] = null;
  }

  /** @param {string} stream */
  #return(stream) {
    const open = this.#open[stream];
    if (open) open.returned = true;
  }

  /** @param {"stdout" | "stderr"} stream @param {number} time @param {string} text */
  #write(stream, time, text) {
    const clean = text.endsWith("\r") ? text.slice(0, -1) : text;
    const open = (this.#open[stream] ??= this.#begin(stream, time));
    open.line.text = open.returned ? clean + open.line.text.slice(clean.length) : open.line.text + clean;
    open.returned = false;
  }

  /** @param {"stdout" | "stderr"} stream @param {number} time */
  #begin(stream, time) {
    const line = { text: "", stream, time, number: (this.#count += 1) };
    this.lines.push(line);
    return { line, returned: false };
  }

  #trim() {
    if (this.lines.length <= this.limit * 1.1) return;
    const over = this.lines.length - this.limit;
    this.lines.splice(0, over);
    this.dropped += over;
  }
}
