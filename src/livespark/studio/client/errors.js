/** Everything this client throws derives from LivesparkError; the text says what is wrong and what to do next. */

export class LivesparkError extends Error {
  /** @override */
  name = this.constructor.name;
}

/** The server answered with a problem. */
export class RequestRefused extends LivesparkError {
  /**
   * @param {string} detail
   *
   * @param {{status: number, code?: string, data?: unknown, retryAfter?: number | null}} problem
   *   `retryAfter` in milliseconds.
   */
  constructor(detail, { status, code = "", data = null, retryAfter = null }) {
    super(detail);
    this.status = status;
    this.code = code;
    this.data = data;
    this.retryAfter = retryAfter;
  }
}

/** No answer came: the server is down or the network is. */
export class ServerUnavailable extends LivesparkError {}

/** The run refused the command; the message is its reason. */
export class CommandRefused extends LivesparkError {}

/** What was asked for raised; `reason` is the exception's message, `type` and `traceback` are Python's. */
export class CallFailed extends LivesparkError {
  /** @param {import("./types.js").Failure} failure */
  constructor(failure) {
    super(`${failure.type}: ${failure.message}`);
    this.type = failure.type;
    this.reason = failure.message;
    this.traceback = failure.traceback ?? "";
  }
}

/** The worker died between the command's start and its answer. */
export class OutcomeUnknown extends LivesparkError {}
