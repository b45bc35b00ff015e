/** Unified diffs, read line by line: what goes, what comes, and under which number. */

/**
 * @typedef {object} Line
 * @property {"+" | "-" | " "} sign
 * @property {number | null} before Its number in the old text.
 * @property {number | null} after Its number in the new text.
 * @property {string} text
 *
 * @typedef {{where: string, lines: Line[]}} Hunk `where`: the definition it is in, as the diff names it.
 * @typedef {{added: number, removed: number}} Count
 */

const HEAD = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@ ?(.*)$/;

/** @type {WeakMap<object, Hunk[]>} */
const known = new WeakMap();

/** The hunks of a changed file, read once. @param {import("../../client/types.js").FileChange} file */
export function hunksOf(file) {
  let found = known.get(file);
  if (!found) known.set(file, (found = hunks(file.diff ?? "")));
  return found;
}

/** How many lines came and went. @param {import("../../client/types.js").FileChange[]} files @returns {Count} */
export function countOf(files) {
  const lines = files.flatMap(hunksOf).flatMap((hunk) => hunk.lines);
  return {
    added: lines.filter(({ sign }) => sign === "+").length,
    removed: lines.filter(({ sign }) => sign === "-").length,
  };
}

/**
 * The hunks of one file's diff. Their headers tell how many lines belong to them, so a line of code that looks like
 * part of a diff is none.
 *
 * @param {string} diff
 * @returns {Hunk[]}
 */
export function hunks(diff) {
  const found = /** @type {Hunk[]} */ ([]);
  let reader = /** @type {Reader | null} */ (null);
  for (const text of diff.split("\n")) {
    if (reader?.open) reader.read(text);
    else {
      const head = HEAD.exec(text);
      reader = head ? new Reader(head) : null;
      if (reader) found.push(reader.hunk);
    }
  }
  return found;
}

/** Reads one hunk. */
class Reader {
  /** @param {RegExpExecArray} head */
  constructor([, before, removed = "1", after, added = "1", where]) {
    this.before = Number(before);
    this.after = Number(after);
    this.removed = Number(removed);
    this.added = Number(added);
    /** @type {Hunk} */
    this.hunk = { where, lines: [] };
  }

  /** Lines are still to come. */
  get open() {
    return this.removed > 0 || this.added > 0;
  }

  /** @param {string} text */
  read(text) {
    if (text.startsWith("\\")) return; // "No newline at end of file"
    const sign = text.startsWith("+") || text.startsWith("-") ? /** @type {"+" | "-"} */ (text[0]) : " ";
    const [before, after] = [sign === "+" ? null : this.before, sign === "-" ? null : this.after];
    const bare = /^[-+ ]/.test(text) ? text.slice(1) : text;
    this.hunk.lines.push({ sign, before, after, text: bare });
    if (before !== null) [this.before, this.removed] = [this.before + 1, this.removed - 1];
    if (after !== null) [this.after, this.added] = [this.after + 1, this.added - 1];
  }
}
