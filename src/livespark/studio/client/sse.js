/**
 * Server-sent events, WHATWG HTML section 9.2, without I/O: bytes in, messages out.
 *
 * Lines end in CR LF, LF or CR, also when CR and LF arrive in different chunks. One leading byte order mark is dropped,
 * invalid UTF-8 becomes U+FFFD. An id holds from the blank line on, even without data, and for later messages.
 */

/** @typedef {{event: string, data: string, id: string}} Message */

const LINE_END = /\r\n|\n|\r/;
const LIMIT = 16 * 1024 ** 2;

export class SseParser {
  /** The last id that counts, which persists from message to message. */
  lastId = "";

  /** What the stream asked to wait before a reconnection, in milliseconds. @type {number | null} */
  retry = null;

  #decoder = new TextDecoder("utf-8");
  /** @type {string[]} */
  #pieces = [];
  #size = 0;
  #afterCr = false;
  /** @type {string[]} */
  #data = [];
  #dataSize = 0;
  #event = "";
  #id = "";
  #limit;

  /** @param {{limit?: number}} [options] The largest message, in characters. */
  constructor({ limit = LIMIT } = {}) {
    this.#limit = limit;
  }

  /**
   * The messages that `chunk` completes. Throws RangeError when one exceeds the limit.
   *
   * @param {Uint8Array} chunk
   * @returns {Message[]}
   */
  feed(chunk) {
    let text = this.#decoder.decode(chunk, { stream: true });
    if (this.#afterCr && text) {
      text = text.startsWith("\n") ? text.slice(1) : text;
      this.#afterCr = false;
    }
    if (!text) return [];
    this.#afterCr = text.endsWith("\r");
    const [first, ...others] = text.split(LINE_END);
    this.#pieces.push(first);
    this.#size += first.length;
    this.#check(this.#size);
    return others.length ? this.#lines(others) : [];
  }

  /** @param {string[]} others */
  #lines(others) {
    const rest = /** @type {string} */ (others.pop());
    const lines = [this.#pieces.join(""), ...others];
    this.#pieces = [rest];
    this.#size = rest.length;
    /** @type {Message[]} */
    const messages = [];
    for (const line of lines) {
      if (line) this.#field(line);
      else this.#dispatch(messages);
    }
    return messages;
  }

  /** @param {string} line */
  #field(line) {
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (name === "data") this.#append(value);
    else if (name === "event") this.#event = value;
    else if (name === "id" && !value.includes("\0")) this.#id = value;
    else if (name === "retry" && /^[0-9]+$/.test(value)) this.retry = Number(value);
  }

  /** @param {string} value */
  #append(value) {
    this.#dataSize += value.length + 1;
    this.#check(this.#dataSize);
    this.#data.push(value);
  }

  /** @param {Message[]} messages */
  #dispatch(messages) {
    this.lastId = this.#id;
    if (this.#data.length) {
      messages.push({ event: this.#event || "message", data: this.#data.join("\n"), id: this.lastId });
    }
    this.#event = "";
    this.#data = [];
    this.#dataSize = 0;
  }

  /** @param {number} size */
  #check(size) {
    if (size > this.#limit) throw new RangeError(`a message is larger than ${this.#limit} characters`);
  }
}
