import { CommandRefused, RequestRefused, connect } from "../../../../src/livespark/studio/client/index.js";
import { Family } from "../../../../src/livespark/studio/app/family/family.js";
import { parentOf, placeText, relativesOf } from "../../../../src/livespark/studio/app/family/relatives.js";
import {
  configText,
  numbersOf,
  readChanges,
  readConfig,
} from "../../../../src/livespark/studio/app/snapshots/forms.js";
import { newsOf } from "../../../../src/livespark/studio/app/snapshots/news.js";
import { Shelf } from "../../../../src/livespark/studio/app/snapshots/shelf.js";
import { spanOf, timelineOf } from "../../../../src/livespark/studio/app/snapshots/timeline.js";
import {
  attemptText,
  bytesText,
  isMeant,
  resumedText,
  rewoundText,
  sizeText,
  tookText,
} from "../../../../src/livespark/studio/app/snapshots/words.js";
import { describe } from "../../../../src/livespark/studio/app/words.js";
import { equal, rejects, server, test, truthy } from "./harness.mjs";

const use = (name) => connect({ server, token: "secret" }).use(name, { reconnect: { initial: 5, maximum: 40 } });
const facts = async (name) => (await fetch(`${server}/facts/${name}`)).json();

const info = (number, step, more = {}) => ({ number, step, time: number, cause: "every", ...more });

/** A shelf that has heard of these events, in order; numbers are the steps of metrics in between. */
function shelfOf(...events) {
  const shelf = new Shelf();
  const begun = [];
  let newest = null;
  events.forEach((event, index) => {
    if (typeof event === "number") newest = event;
    else begun.push(shelf.add({ seq: index + 1, time: index + 1, event }, newest));
  });
  return { shelf, begun };
}

const took = (number, step, more) => ({ type: "snapshotted", snapshot: info(number, step, more) });
const rewound = (snapshot, step, from_step, more = {}) => ({ type: "rewound", snapshot, step, from_step, ...more });

test("the shelf holds what is on disk: taken, taken again under its number, removed, and listed by the server", () => {
  const { shelf } = shelfOf(took(1, 100), took(2, 200), took(3, 300), took(2, 200, { label: "best" }), {
    type: "snapshots-removed",
    numbers: [1],
  });
  shelf.take([info(1, 100), info(2, 999), info(9, 900)]);
  equal(
    shelf.list.map(({ info: { number, step, label } }) => [number, step, label]),
    [
      [2, 200, "best"],
      [3, 300, undefined],
      [9, 900, undefined],
    ],
  );
  shelf.clear();
  equal([shelf.list, shelf.marks(), shelf.returns], [[], [], []]);
});

test("a rewind begins a branch at its step; snapshots beyond it lie on the earlier one", () => {
  const { shelf, begun } = shelfOf(100, took(1, 100), 300, took(2, 300), 350, rewound(1, 100, 350), 150, took(3, 150));
  equal(begun, [null, null, 100, null]);
  equal(
    shelf.list.map(({ info: { number }, earlier }) => [number, earlier]),
    [
      [1, false],
      [2, true],
      [3, false],
    ],
  );
  equal(shelf.branches, [
    { from: null, end: 350, limit: 100 },
    { from: 100, end: null, limit: Infinity },
  ]);
});

test("where nobody knows the step, there is no branch", () => {
  equal(shelfOf(100, rewound(1, null, 100)).begun, [null]);
});

test("the strip shows what counts above, what was given up below, and each snapshot where it belongs", () => {
  const { shelf } = shelfOf(100, took(1, 100), 300, took(2, 300), 400, rewound(1, 100, 400), 150, took(3, 150));
  const { lines, drops, dots, lanes } = timelineOf(shelf, [0, 400], [0, 200]);
  equal(lanes, 2);
  equal(lines, [
    { from: 0, to: 50, lane: 0, old: false },
    { from: 25, to: 100, lane: 1, old: true },
  ]);
  equal(drops, [{ at: 25, lane: 1 }]);
  equal(
    dots.map(({ number, at, lane }) => [number, at, lane]),
    [
      [1, 25, 0],
      [2, 75, 1],
      [3, 37.5, 0],
    ],
  );
});

test("without metrics the strip reaches from the first snapshot to now", () => {
  const { shelf } = shelfOf(took(1, 100), took(2, 300), took(3, null));
  equal(
    [spanOf(shelf, 350), spanOf(shelf, null), spanOf(new Shelf(), null)],
    [
      [100, 350],
      [100, 300],
      [0, 1],
    ],
  );
});

test("a hundred rewinds leave a strip of few lanes, with every snapshot on it", () => {
  const events = [];
  for (let turn = 1; turn <= 100; turn += 1) {
    events.push(turn * 10 + 20, took(turn, turn * 10 + 15), rewound(turn, turn * 10, turn * 10 + 20));
  }
  const timeline = timelineOf(shelfOf(...events).shelf, [0, 1100], [0, 1010]);
  truthy(timeline.lanes <= 6, `${timeline.lanes} lanes`);
  equal(timeline.dots.length, 100);
  truthy(
    timeline.dots.every(({ lane }) => lane < timeline.lanes),
    "a dot below the strip",
  );
});

test("a run that begins with another's state has one branch", () => {
  const origin = { run: "quiet-otter", snapshot: 3, relation: "fork", step: 8800 };
  const { shelf, begun } = shelfOf({ type: "resumed", origin, step: 8800 }, 9000, took(1, 9000));
  equal(begun, [8800, null]);
  const { lines, lanes } = timelineOf(shelf, [8800, 9000], [8800, 9000]);
  equal([lanes, lines], [1, [{ from: 0, to: 100, lane: 0, old: false }]]);
  equal(shelf.list[0].earlier, false);
  equal(shelf.marks()[1], { kind: "resume", step: 8800, text: "forked from quiet-otter, snapshot 3, step 8,800" });
});

test("snapshots on disk, rewinds, resumes and retries are marks", () => {
  const { shelf } = shelfOf(
    100,
    took(1, 100, { label: "<b>" }),
    took(2, 200),
    { type: "snapshots-removed", numbers: [2] },
    rewound(1, 100, 250, {
      automatic: true,
      reason: "loss is nan",
      values: { lr: 0.1 },
      seconds: 0.041,
      in_memory: true,
    }),
    { type: "attempt", incarnation: 2, left: 1, reason: "killed by SIGKILL" },
    { type: "resumed", origin: { run: "x", snapshot: 1, relation: "retry" }, step: 100 },
  );
  equal(shelf.marks(), [
    { kind: "snapshot", step: 100, text: "snapshot 1 “<b>”: scheduled\nat step 100", snapshot: 1 },
    {
      kind: "rewind",
      step: 100,
      text: "rewound from step 250 to step 100 (snapshot 1, from memory, 41 ms)\nby itself: loss is nan\nlr = 0.1",
    },
    { kind: "attempt", step: 100, text: "started again from snapshot 1, step 100\nkilled by SIGKILL" },
  ]);
});

test("what somebody should see: a failure until the next success, the newest of what went by itself, and open notes", () => {
  const failed = { type: "snapshot-failed", cause: "every", message: "no space left on device" };
  const kinds = (...events) => newsOf(shelfOf(...events).shelf).map(({ event }) => event.type);
  equal(kinds(took(1, 1), failed), ["snapshot-failed"]);
  equal(kinds(failed, took(1, 1)), []);
  equal(kinds(rewound(1, 1, 9)), []);
  equal(kinds(rewound(1, 1, 9, { automatic: true }), failed), ["rewound", "snapshot-failed"]);
  equal(kinds({ type: "resumed", origin: { run: "a" }, step: 1 }), []);
  equal(
    kinds(
      { type: "attempt", incarnation: 2, left: 1, reason: "x" },
      { type: "resumed", origin: { run: "a" }, step: 1, notes: ["snapshot 9 is damaged"] },
    ),
    ["attempt", "resumed"],
  );
});

test("failures in a row are one trouble, which began with the first", () => {
  const failed = { type: "snapshot-failed", cause: "every", message: "no space left on device" };
  const since = (...events) => shelfOf(...events).shelf.failingSince;
  equal([since(failed), since(failed, failed, failed), since(failed, took(1, 1), failed)], [1, 1, 3]);
});

test("a policy's metric is found by its name or the last part of it", () => {
  const names = ["accuracy", "test/accuracy", "val/inaccuracy", "loss"];
  equal(
    ["accuracy", "max:test/accuracy", "min:loss", ""].map((best) => names.filter((name) => isMeant(name, best))),
    [["accuracy", "test/accuracy"], ["test/accuracy"], ["loss"], []],
  );
});

test("relatives made elsewhere are found when it is looked again, and those that are known stay", async () => {
  const fork = (id) => ({ id, origin: { run: "otter", relation: "fork" } });
  const pages = [[fork("elk"), { id: "otter" }], [fork("fox")]];
  const asked = [];
  const family = new Family({ runs: async ({ limit }) => (asked.push(limit), { runs: pages.shift() }) }, "otter");
  const ids = () => family.relatives.value.map(({ run }) => run.id);
  await family.follow();
  equal(ids(), ["elk"]);
  await family.follow();
  family.close();
  equal(ids().sort(), ["elk", "fox"]);
  truthy(asked[0] > asked[1], "later looks are as large as the first");
});

test("sizes, times and places are words", () => {
  equal([0, 999, 1000, 412_345_678, 5e12, 2e15].map(bytesText), ["0 B", "999 B", "1 kB", "412 MB", "5 TB", "2,000 TB"]);
  equal(sizeText({ size: 400e6, written: 12e6 }), "400 MB, 12 MB new");
  equal([sizeText({ size: 5e6 }), sizeText({ size: 7, written: 7 })], ["5 MB, nothing new", "7 B"]);
  equal(
    tookText(info(7, 1622, { size: 412e6, written: 31e6, stall: 0.014 })),
    "snapshot 7 at step 1,622: 412 MB, 31 MB new; the training stood still for 14 ms",
  );
  equal(rewoundText({ snapshot: 3, step: null }), "rewound (snapshot 3)");
  equal(attemptText({ incarnation: 2, left: 0 }), "start number 2; none more may follow");
  equal(attemptText({ incarnation: 3, left: 1, delay: 4 }), "start number 3 after 4 s; 1 more may follow");
  equal(
    attemptText({ incarnation: 2, left: 2, step: 1622 }),
    "it had come to step 1,622; start number 2; 2 more may follow",
  );
  equal(sizeText({}), "no arrays");
  equal(resumedText({ origin: { run: "calm-fox" } }), "resumed from calm-fox, its newest snapshot");
  equal(describe({ kind: "snapshot", label: "a" }), "snapshot “a”");
  equal(describe({ kind: "snapshot" }), "snapshot");
  equal(
    describe({ kind: "rewind", snapshot: 3, values: { lr: 0.1 }, skip: true }),
    "rewind to snapshot 3, lr = 0.1, without the items in between",
  );
  equal([describe({ kind: "rewind" }), describe({ kind: "rewind", step: 9 })], ["rewind", "rewind to step 9"]);
});

test("the family: the parent first, children and siblings; a retry is the same run", () => {
  const run = (id, origin) => ({ id, origin });
  const fork = (of, step = 5) => ({ run: of, snapshot: 1, relation: "fork", step });
  const runs = [run("b", fork("a")), run("c", fork("b")), run("d", fork("a")), run("a"), run("e", fork("z"))];
  equal(
    relativesOf(runs[0], runs).map((other) => [other.run.id, other.is]),
    [
      ["a", "parent"],
      ["c", "child"],
      ["d", "sibling"],
    ],
  );
  equal(
    relativesOf(runs[3], runs).map((other) => other.run.id),
    ["b", "d"],
  );
  equal(parentOf(run("a", { run: "a", relation: "retry" })), "");
  equal([placeText(fork("a")), placeText({ run: "a" })], ["at snapshot 1, step 5", ""]);
});

test("forms: only exposed numbers can be changed, only what differs is sent, and what can't be read is named", () => {
  const fields = {
    lr: { shape: { type: "float" } },
    note: { shape: { type: "str" } },
    fixed: { shape: { type: "int" }, read_only: "computed" },
    size: { shape: { type: "int" } },
  };
  equal(numbersOf(fields), ["lr", "size"]);
  equal(readChanges([{ path: "lr", text: "nan" }], fields), { lr: { $: "float", v: "nan" } });
  const message = (action) => {
    try {
      return String(action());
    } catch (error) {
      return error.message;
    }
  };
  equal(
    message(() => readChanges([{ path: "lr", text: "fast" }], fields)),
    "lr: fast is not a number",
  );
  const config = { lr: 0.1, name: "adam", deep: { a: [1] }, on: true };
  const same = Object.fromEntries(Object.entries(config).map(([name, value]) => [name, configText(value)]));
  equal(readConfig(config, same), {});
  equal(
    readConfig(config, { ...same, lr: "3e-4", name: "0.5", deep: '{"a": []}', on: "false", more: "7", text: "sgd" }),
    {
      lr: 3e-4,
      name: "0.5",
      deep: { a: [] },
      on: false,
      more: 7,
      text: "sgd",
    },
  );
  equal(
    message(() => readConfig(config, { lr: "" })),
    "lr: nothing can't be read; it was 0.1",
  );
});

test("a client takes snapshots, lists them, looks into them, goes back, removes and downloads them, and forks", async () => {
  const run = use("keeping");
  equal((await run.snapshot("before")).number, 7);
  await run.rewind({ snapshot: 7, values: { lr: NaN }, skip: true });
  equal((await facts("keeping")).commands, [
    { kind: "snapshot", label: "before" },
    { kind: "rewind", snapshot: 7, skip: true, values: { lr: { $: "float", v: "nan" } } },
  ]);
  equal(
    (await run.snapshots()).map(({ number }) => number),
    [3, 7],
  );
  equal((await run.snapshotDetail(7)).info.number, 7);
  equal(await (await run.downloadSnapshot(7)).text(), "a tar archive");
  equal((await rejects(run.downloadSnapshot(9), RequestRefused)).message, "there is no snapshot 9");
  await run.removeSnapshot(3);
  equal((await rejects(run.removeSnapshot(3), RequestRefused)).status, 404);
  const made = await run.fork({ snapshot: 7, config: { lr: 0.1 }, name: "twin" });
  equal(made.id, "twin");
  await run.fork({ key: "mine", relation: "resume" });
  const { forks, addresses } = await facts("keeping");
  const [{ key, ...first }, second] = forks;
  equal(first, { snapshot: 7, config: { lr: 0.1 }, name: "twin" });
  truthy(/^[0-9a-f-]{36}$/.test(key), key);
  equal(second, { key: "mine", relation: "resume" });
  truthy(
    addresses.every((address) => !address.includes("secret")),
    "the token is in an address",
  );
  run.close();
});

test("a refused snapshot or rewind rejects with its reason", async () => {
  const run = use("refusing");
  equal((await rejects(run.snapshot(), CommandRefused)).message, "model.py:31: unexpected indent");
  await rejects(run.rewind(), CommandRefused);
  run.close();
});
