/** Who is related to a run: what its state came from, what came from its own, and what came from the same. Pure. */

import { whole } from "../format.js";

/**
 * @typedef {import("../../client/types.js").Run} Run
 * @typedef {import("../../client/types.js").Origin} Origin
 * @typedef {{run: Run, is: "parent" | "child" | "sibling"}} Relative
 */

/**
 * The run's relatives among `runs`: the parent, then the children and siblings in their order.
 *
 * @param {Run} run
 * @param {Run[]} runs
 * @returns {Relative[]}
 */
export function relativesOf(run, runs) {
  const parent = parentOf(run);
  const others = runs.filter(({ id }) => id !== run.id);
  const found = (/** @type {Relative["is"]} */ is, /** @type {(other: Run) => boolean} */ matches) =>
    others.filter(matches).map((other) => ({ run: other, is }));
  return [
    ...found("parent", ({ id }) => id === parent),
    ...found("child", (other) => parentOf(other) === run.id),
    ...(parent ? found("sibling", (other) => parentOf(other) === parent) : []),
  ];
}

/** The run from which this one's state came; "" for none: a retry is the same run. @param {Run} run */
export function parentOf({ id, origin }) {
  return origin && origin.relation !== "retry" && origin.run !== id ? origin.run : "";
}

/** What a run is to its parent, up to the parent's name: "forked from". @param {Origin} origin */
export const relationText = ({ relation = "resume" }) => (relation === "fork" ? "forked from" : "resumes");

/** Where in its parent a run begins: "at snapshot 3, step 8,800". @param {Origin} origin */
export function placeText({ snapshot, step }) {
  const known = (/** @type {unknown} */ value) => value !== null && value !== undefined;
  const parts = [known(snapshot) && `snapshot ${whole(snapshot)}`, known(step) && `step ${whole(step)}`].filter(
    Boolean,
  );
  return parts.length ? `at ${parts.join(", ")}` : "";
}
