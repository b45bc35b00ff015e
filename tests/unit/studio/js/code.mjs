import { CommandRefused, LivesparkError, connect } from "../../../../src/livespark/studio/client/index.js";
import { markNear, nextMark } from "../../../../src/livespark/studio/app/charts/marks.js";
import { countOf, hunks } from "../../../../src/livespark/studio/app/code/diff.js";
import {
  changedText,
  faultOf,
  reloadAnswer,
  reloadMark,
  tookText,
  verdictOf,
} from "../../../../src/livespark/studio/app/code/words.js";
import { Record } from "../../../../src/livespark/studio/app/run/record.js";
import { equal, rejects, server, test } from "./harness.mjs";

const use = (name) => connect({ server, token: "secret" }).use(name, { reconnect: { initial: 5, maximum: 40 } });
const facts = async (name) => (await fetch(`${server}/facts/${name}`)).json();

const DIFF = [
  "--- model.py",
  "+++ model.py",
  "@@ -9,4 +9,5 @@ class Net:",
  " def f(x):",
  "--- a comment's end",
  "+++ counter",
  "+@@ -1 +1 @@",
  "     return x",
  "",
  "@@ -40 +41 @@",
  "-last",
  "\\ No newline at end of file",
  "+<b>last</b>",
  "\\ No newline at end of file",
  "",
].join("\n");

const reloaded = (more = {}) => ({ type: "reloaded", outcome: "applied", kind: "soft", step: 1200, ...more });

test("a unified diff is read with the numbers of both sides, whatever its lines look like", () => {
  const [first, second] = hunks(DIFF);
  equal(first.where, "class Net:");
  equal(
    first.lines.map(({ sign, before, after, text }) => [sign, before, after, text]),
    [
      [" ", 9, 9, "def f(x):"],
      ["-", 10, null, "-- a comment's end"],
      ["+", null, 10, "++ counter"],
      ["+", null, 11, "@@ -1 +1 @@"],
      [" ", 11, 12, "    return x"],
      [" ", 12, 13, ""],
    ],
  );
  equal(
    second.lines.map(({ sign, before, after, text }) => [sign, before, after, text]),
    [
      ["-", 40, null, "last"],
      ["+", null, 41, "<b>last</b>"],
    ],
  );
  equal(countOf([{ path: "a", diff: DIFF }, { path: "b" }]), { added: 3, removed: 2 });
});

test("new and emptied files are diffs, too; what is none has no hunks", () => {
  equal(hunks("--- a\n+++ a\n@@ -0,0 +1,2 @@\n+x\n+\n")[0].lines, [
    { sign: "+", before: null, after: 1, text: "x" },
    { sign: "+", before: null, after: 2, text: "" },
  ]);
  equal(hunks("@@ -1,2 +0,0 @@\n-x\n-y")[0].lines.length, 2);
  equal([hunks(""), hunks("nothing of a diff\n+x")], [[], []]);
});

test("what a reload changed is said in a few names, else in files", () => {
  equal(changedText({ changed: ["a.f", "a.g"] }), "a.f, a.g");
  equal(changedText({ changed: ["a", "b", "c", "d", "e"] }), "a, b, c and 2 more");
  equal(changedText({ changed: [], files: [{ path: "model.py" }] }), "model.py");
  equal(changedText({}), "nothing that runs");
});

test("what became of a reload is a word, and code that runs but has raised is told from code that runs", () => {
  const error = { type: "ValueError", message: "x" };
  equal(
    [{}, { error }, { outcome: "refused", error }, { outcome: "undone", error }].map(
      (more) => verdictOf(reloaded(more)).word,
    ),
    ["applied", "applied, raised", "refused", "undone"],
  );
  equal([0.0004, 0.0082, 0.25, 1.25].map(tookText), ["under 1 ms", "8 ms", "250 ms", "1.3 s"]);
});

test("a syntax error is shown with its file, line and caret, without Python's repetition", () => {
  const error = {
    type: "IndentationError",
    message: "unexpected indent (model.py, line 31)",
    traceback: '  File "/p/sub/model.py", line 31\n    return x\nIndentationError: unexpected indent\n',
    frames: [{ file: "/p/sub/model.py", line: 31, function: "<module>", source: "        return x" }],
  };
  equal(faultOf(reloaded({ error, files: [{ path: "sub/model.py" }] })), {
    where: "sub/model.py:31",
    what: "unexpected indent",
    code: "return x",
  });
  const traceback = "  File \"/p/model.py\", line 31\n    f(1, (2\n      ~~^^^\nSyntaxError: '(' was never closed\n";
  equal(faultOf(reloaded({ error: { ...error, type: "SyntaxError", traceback } })).code, "f(1, (2\n  ~~^^^");
  equal(faultOf(reloaded({ error: { type: "ValueError", message: "bad", frames: [] } })), {
    where: "",
    what: "ValueError: bad",
    code: "",
  });
  equal(faultOf(reloaded()), null);
});

test("the answer to a reload says how it was done and what changed, or why not", () => {
  const value = { kind: "soft", changed: ["model.Net.forward"] };
  equal(
    [
      reloadAnswer({ outcome: "applied", step: 2010, value }),
      reloadAnswer({ outcome: "applied", step: 3, value: { kind: "hard", changed: [] } }),
      reloadAnswer({ outcome: "applied", step: 3, message: "nothing has changed on disk" }),
      reloadAnswer({ outcome: "refused", message: "class Net has another base" }),
      reloadAnswer({ outcome: "unknown" }),
    ],
    [
      "reloaded (soft) at step 2,010: model.Net.forward",
      "reloaded (hard) at step 3",
      "nothing has changed on disk",
      "not reloaded: class Net has another base",
      "not reloaded: unknown",
    ],
  );
});

test("reloads are in the record; those that ran are marks, those taken back of another kind, refused ones none", () => {
  const record = new Record();
  const add = (seq, event) => record.add({ seq, time: seq, event });
  add(1, { type: "source", path: "model.py", hash: "a" });
  add(2, reloaded({ changed: ["model.f"] }));
  add(3, reloaded({ outcome: "refused", step: 1300 }));
  add(4, reloaded({ outcome: "undone", kind: "hard", step: 1400, files: [{ path: "train.py" }] }));
  add(5, reloaded({ step: null }));
  add(6, { type: "commanded", id: "a", number: 1, actor: "ada", command: { kind: "reload" } });
  add(7, { type: "answered", id: "a", number: 1, answer: { outcome: "applied", step: 1200 } });
  equal(record.marks(), [
    { kind: "reload", step: 1200, text: "reload (soft): model.f\nat step 1,200", reload: 2 },
    { kind: "undone", step: 1400, text: "reload, undone (hard): train.py\nat step 1,400", reload: 4 },
  ]);
  equal([record.lastReload.seq, record.reloads.length, record.sources], [5, 4, 1]);
  equal(
    record.entries.map(({ kind }) => kind),
    ["reload", "reload", "reload", "reload", "command"],
  );
  record.clear();
  equal([record.lastReload, record.marks(), record.sources], [null, [], 0]);
  equal(reloadMark(reloaded({ kind: null, step: null })), "reload: nothing that runs\n");
});

test("a mark is found near the cursor, everything at its step together, and by going from one to the next", () => {
  const marks = [
    { kind: "asked", step: 10, text: "lr" },
    { kind: "reload", step: 30, text: "one", reload: 4 },
    { kind: "asked", step: 30, text: "pause" },
    { kind: "reload", step: 90, text: "far", reload: 9 },
  ];
  const column = (step) => (step > 50 ? -1 : step * 2);
  equal(markNear(marks, column, 56), { step: 30, text: "one\npause", reload: 4, snapshot: null });
  equal(markNear(marks, column, 24), { step: 10, text: "lr", reload: null, snapshot: null });
  equal([markNear(marks, column, 40), markNear(marks, column, 3)], [null, null]);
  equal(nextMark(marks, [0, 50], null, -1).step, 30);
  equal(nextMark(marks, [0, 50], 30, -1).step, 10);
  equal([nextMark(marks, [0, 50], 30, 1), nextMark(marks, [0, 50], 10, -1)], [null, null]);
  equal(nextMark(marks, [0, 99], 30, 1).reload, 9);
});

test("a client reloads, skips, clears, and sends new code under the script's path or by path", async () => {
  const run = use("desk");
  await run.reload();
  await run.reload({ skip: true, clear: ["model"] });
  await run.requestHotReload("print(1)");
  await run.requestHotReload({ "model.py": "x = 1" }, { skip: true });
  const sent = (await facts("desk")).commands.filter(({ kind }) => kind === "reload");
  equal(sent, [
    { kind: "reload" },
    { kind: "reload", skip: true, clear: ["model"] },
    { kind: "reload", files: { "train.py": "print(1)" } },
    { kind: "reload", skip: true, files: { "model.py": "x = 1" } },
  ]);
  run.info = { ...run.info, entry: { module: "package.train" } };
  await rejects(run.requestHotReload("print(1)"), LivesparkError);
  run.close();
});

test("a refused reload rejects with its reason", async () => {
  const run = use("refusing");
  equal((await rejects(run.reload(), CommandRefused)).message, "model.py:31: unexpected indent");
  run.close();
});

test("the code of a step is listed, and its texts are fetched by hash", async () => {
  const run = use("mute");
  equal(
    (await run.code({ step: 5 })).map(({ path, hash }) => [path, hash]),
    [["train.py", "h1"]],
  );
  await run.code({ at: 12 });
  await run.code();
  equal(await run.text("h1"), "import x\n");
  equal((await rejects(run.text("h2"), LivesparkError)).message, "this version's text is not kept");
  const asked = (await facts("mute")).addresses.filter((address) => address.includes("/code"));
  equal(asked.slice(0, 3), ["/api/runs/mute/code?step=5", "/api/runs/mute/code?at=12", "/api/runs/mute/code"]);
  run.close();
});
