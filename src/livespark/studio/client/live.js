/** The live document: what a run shows right now. Latest wins. */

/** @typedef {import("./types.js").LiveDoc} LiveDoc */

/** @returns {LiveDoc} */
export function emptyDoc() {
  return {
    version: 0,
    step: null,
    values: {},
    fields: {},
    functions: {},
    loops: [],
    memory: [],
    steps_per_second: null,
  };
}

/**
 * Apply `delta` to `doc` in place.
 *
 * @param {LiveDoc} doc
 * @param {import("./types.js").LiveDelta} delta
 */
export function merge(doc, delta) {
  if (delta.full) Object.assign(doc, emptyDoc(), { step: doc.step, values: { ...delta.values } });
  else mergeValues(doc.values, delta);
  doc.version = delta.version;
  doc.step = delta.step ?? doc.step;
  doc.steps_per_second = delta.steps_per_second ?? null;
  doc.fields = delta.fields ?? doc.fields;
  doc.functions = delta.functions ?? doc.functions;
  doc.loops = delta.loops ?? doc.loops;
  doc.memory = delta.memory ?? doc.memory;
}

/**
 * @param {Record<string, any>} values
 * @param {import("./types.js").LiveDelta} delta
 */
function mergeValues(values, delta) {
  Object.assign(values, delta.values);
  for (const path of delta.dropped ?? []) delete values[path];
}
