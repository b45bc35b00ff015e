/** Which events on saved state somebody should see: failures, what the run did by itself, what did not come back. Pure. */

/** @typedef {import("../../client/types.js").Stored} Stored */

/** The newest of each kind, oldest first. @param {import("./shelf.js").Shelf} shelf @returns {Stored[]} */
export function newsOf({ failure, returns, attempts }) {
  const found = [
    failure,
    attempts.at(-1),
    returns.findLast(({ event }) => event.type === "rewound" && event.automatic),
    returns.findLast(({ event }) => event.type === "resumed" && (event.notes ?? []).length > 0),
  ];
  return found.filter((stored) => stored !== null && stored !== undefined).sort((one, other) => one.seq - other.seq);
}
