import { decimate, rangeOf, smooth } from "../../../../src/livespark/studio/app/charts/decimate.js";
import { markNear, thinned } from "../../../../src/livespark/studio/app/charts/marks.js";
import { Metrics, grouped } from "../../../../src/livespark/studio/app/charts/metrics.js";
import { Pace } from "../../../../src/livespark/studio/app/charts/pace.js";
import { Series } from "../../../../src/livespark/studio/app/charts/series.js";
import { fraction, secondsLeft } from "../../../../src/livespark/studio/app/run/progress.js";
import { equal, test, truthy } from "./harness.mjs";

const count = (size) => Array.from({ length: size }, (_, index) => index);

function series(values, steps = count(values.length)) {
  const made = new Series();
  made.append(steps, values);
  return made;
}

function whole(made, width, positive = false) {
  const [low, high] = made.extent;
  return decimate(made, [{ from: 0, to: made.length }], { low, high, width, positive });
}

test("a series grows in pieces and knows its last value and its extent", () => {
  const made = new Series();
  for (let start = 0; start < 5000; start += 7)
    made.append(
      count(7).map((index) => start + index),
      count(7),
    );
  equal([made.length, made.last, made.extent, made.segments], [5005, 6, [0, 5004], [0]]);
});

test("hundreds of marks are drawn so that none covers another, the newest of each kind for sure", () => {
  const marks = count(600).map((index) => ({ column: index / 2, kind: index % 3 ? "snapshot" : "rewind" }));
  const drawn = thinned(marks);
  equal(drawn.at(-1), marks.at(-1));
  for (const kind of ["snapshot", "rewind"]) {
    const columns = drawn.filter((mark) => mark.kind === kind).map(({ column }) => column);
    truthy(columns.length > 25 && columns.length < 40, `${columns.length} of ${kind}`);
    truthy(columns.every((column, index) => !index || column - columns[index - 1] >= 9), columns.join());
  }
  equal(thinned([{ column: 1, kind: "snapshot" }, { column: 2, kind: "rewind" }]).length, 2);
});

test("what stands at one place is told together, the nearest last, and of many how many more", () => {
  const marks = count(9).map((step) => ({ step, text: `mark ${step}`, kind: "snapshot", snapshot: step }));
  const near = (scale) => markNear(marks, (step) => step * scale, 4 * scale);
  equal(near(100), { step: 4, text: "mark 4", reload: null, snapshot: 4 });
  equal(near(2).text, "1 more, and\nmark 3\nmark 5\nmark 6\nmark 4");
  equal(near(0.5), { step: 4, text: "5 more, and\nmark 6\nmark 7\nmark 8\nmark 4", reload: null, snapshot: 4 });
});

test("a run that goes on from a step has that in its range", () => {
  const metrics = new Metrics();
  metrics.branch(759);
  equal(metrics.extent, [0, 1]);
  metrics.append({ steps: [760, 780], times: [1, 2], series: { loss: [1, 2] } });
  metrics.branch(770);
  equal(metrics.extent, [759, 780]);
  metrics.clear();
  equal(metrics.extent, [0, 1]);
});

const slicesOf = (made, low, high) =>
  made.curves(low, high).map(({ slices, old }) => [old ? "old" : "now", ...slices.map(({ from, to }) => [from, to])]);

test("a script that starts over leaves its curve as an earlier branch", () => {
  const made = series([1, 2, 3, 10, 20], [5, 10, 20, 5, 15]);
  equal(slicesOf(made, 0, 100), [
    ["old", [0, 3]],
    ["now", [3, 5]],
  ]);
  equal(
    [0, 6, 14].map((step) => made.values[made.nearest(step)]),
    [10, 10, 20],
  );
  equal([new Series().nearest(3), new Series().earlier(3)], [-1, -1]);
});

test("from where state went back there is a new branch; what came before counts for both, once", () => {
  const made = series([1, 2, 3, 4, 5], [10, 20, 30, 40, 50]);
  made.branch(30);
  made.append([31, 41], [33, 44]);
  equal(slicesOf(made, 0, 100), [
    ["old", [2, 5]],
    ["now", [0, 3], [5, 7]],
  ]);
  equal(
    [12, 31, 39, 48].map((step) => [made.values[made.nearest(step)], made.isEarlier(made.nearest(step))]),
    [
      [1, false],
      [33, false],
      [44, false],
      [5, true],
    ],
  );
  equal([made.values[made.earlier(41)], made.earlier(25)], [4, -1]);
  equal([made.extent, made.lastStep], [[10, 50], 41]);

  made.branch(30);
  made.append([31], [99]);
  equal(slicesOf(made, 0, 100), [
    ["old", [2, 5]],
    ["old", [5, 7]],
    ["now", [0, 3], [7, 8]],
  ]);
});

test("going back twice without a step in between is going back once; a step done again replaces the first", () => {
  const made = series([1, 2, 3], [10, 20, 30]);
  made.branch(20);
  made.branch(10);
  made.append([10, 15], [7, 8]);
  equal(slicesOf(made, 0, 100), [
    ["old", [0, 3]],
    ["now", [3, 5]],
  ]);
  const fresh = new Series();
  fresh.branch(100);
  fresh.append([101, 102], [1, 2]);
  equal(slicesOf(fresh, 0, 1000), [["now", [0, 2]]]);
});

test("branches of any shape: every point is on the branch that counts or on an earlier one, and that one never goes back", () => {
  let state = 7;
  const random = (below) => (state = (state * 1103515245 + 12345) % 2 ** 31) % below;
  for (let round = 0; round < 200; round += 1) {
    const made = new Series();
    let step = 0;
    for (let turn = 0; turn < 12; turn += 1) {
      if (random(3) === 0) made.branch((step = random(step + 1)));
      const steps = count(random(6)).map(() => (step += 1 + random(3)));
      made.append(steps, steps);
    }
    const [now] = made.curves(-1, 1e9).filter(({ old }) => !old);
    const indices = (now?.slices ?? []).flatMap(({ from, to }) => count(to - from).map((index) => from + index));
    const drawn = indices.map((index) => made.steps[index]);
    truthy(
      drawn.every((one, index) => index === 0 || one > drawn[index - 1]),
      `goes back: ${drawn}`,
    );
    const counted = count(made.length).filter((index) => !made.isEarlier(index));
    equal(indices, counted, "what counts is drawn once");
    const old = made.curves(-1, 1e9).filter((curve) => curve.old);
    const shown = new Set(old.flatMap(({ slices: [{ from, to }] }) => count(to - from).map((index) => from + index)));
    truthy(
      count(made.length).every((index) => shown.has(index) || counted.includes(index)),
      "a point is lost",
    );
  }
});

test("decimation draws the pieces of a branch as one line, without a way back", () => {
  const made = series(count(10_000).map(Math.sin));
  made.branch(5000);
  const steps = count(3000).map((index) => 5001 + index);
  made.append(steps, steps.map(Math.cos));
  const frame = { low: 0, high: 9999, width: 400, positive: false };
  const traces = made.curves(0, 9999).map(({ slices, old }) => ({ old, ...decimate(made, slices, frame) }));
  equal(
    traces.map(({ old }) => old),
    [true, false],
  );
  for (const { xs, columns } of traces) {
    truthy(
      xs.every((x, index) => index === 0 || x >= xs[index - 1]),
      "goes back",
    );
    equal(new Set(columns).size, columns.length, "a column twice");
  }
  truthy(traces[1].xs.at(-1) < 400 * 0.81 && traces[0].xs[0] > 400 * 0.49, "a branch where it is not");
});

test("a slice holds the points in range and one more on either side", () => {
  equal(series(count(100)).curves(10, 20), [{ slices: [{ from: 9, to: 21 }], old: false }]);
});

test("no spike is lost, however many points share a pixel", () => {
  const values = count(300_000).map((index) => Math.sin(index / 1000));
  values[123_456] = 99;
  values[222_222] = -77;
  const { xs, ys } = whole(series(values), 400);
  truthy(xs.length <= 2 * 401, `${xs.length} points`);
  equal([Math.max(...ys), Math.min(...ys)], [99, -77]);
  truthy(
    xs.every((x, index) => index === 0 || x >= xs[index - 1]),
    "not in order",
  );
});

test("few points are drawn where they are", () => {
  const { xs, ys, columns, means } = whole(series([5, 6, 7], [0, 50, 100]), 200);
  equal(
    [xs, ys, columns, means],
    [
      [0, 100, 200],
      [5, 6, 7],
      [0, 100, 200],
      [5, 6, 7],
    ],
  );
});

test("values that can't be drawn break the line and are marked", () => {
  const trace = whole(series([1, NaN, 3, Infinity, 5], [0, 10, 20, 30, 40]), 40);
  equal(trace.gaps, [10, 30]);
  equal(trace.ys, [1, NaN, 3, NaN, 5]);
  equal(trace.means, [1, NaN, 3, NaN, 5]);
  equal(whole(series([1, 0, -2, 4], [0, 10, 20, 30]), 30, true).gaps, [10, 20]);
});

test("300,000 points take few milliseconds", () => {
  const made = series(count(300_000).map(Math.random));
  whole(made, 400);
  const began = performance.now();
  for (let times = 0; times < 5; times += 1) whole(made, 400);
  truthy((performance.now() - began) / 5 < 100, `${(performance.now() - began) / 5} ms`);
});

test("a smooth line keeps a constant, stays inside, and starts anew after a gap", () => {
  equal(smooth(count(5), [2, 2, 2, 2, 2], 3), [2, 2, 2, 2, 2]);
  const noisy = count(50).map((index) => index % 2);
  truthy(
    smooth(count(50), noisy, 10).every((value) => value >= 0 && value <= 1),
    "outside",
  );
  const broken = smooth(count(5), [1, 1, NaN, 9, 9], 5);
  equal(broken, [1, 1, NaN, 9, 9]);
});

test("the axis shows everything with a margin, on either scale, also for a constant and for nothing", () => {
  const range = (values, log = false) => rangeOf([whole(series(values), 100, log)], log);
  const [low, high] = range([0, 10]);
  truthy(low < 0 && high > 10, "no margin");
  const [flat, top] = range([3, 3]);
  truthy(flat < 3 && top > 3, "no room around a constant");
  truthy(range([1e-5, 1, 0], true)[0] > 0, "a logarithmic axis needs positive ends");
  equal(
    [range([NaN]), range([NaN], true)],
    [
      [0, 1],
      [0.1, 1],
    ],
  );
});

test("metrics are read from columns, with what JSON can't hold, and grouped by prefix", () => {
  const metrics = new Metrics();
  metrics.append({
    type: "metrics",
    steps: [1, 2],
    times: [0, 0],
    series: { "train/loss": [1, "nan"], lr: ["inf", "9223372036854775808"] },
  });
  equal([...metrics.series.get("train/loss").values.slice(0, 2)], [1, NaN]);
  equal([...metrics.series.get("lr").values.slice(0, 2)], [Infinity, 2 ** 63]);
  equal(metrics.extent, [1, 2]);
  equal(grouped(["a/x", "loss", "a/y", "b/x"]), [
    ["a", ["a/x", "a/y"]],
    ["", ["loss"]],
    ["b", ["b/x"]],
  ]);
});

test("a chart is repainted when something can be seen, and once a second", () => {
  const pace = new Pace();
  equal(pace.isDue(["a"], [1000, 1000], 0.1, 0), true);
  equal(pace.isDue(["a"], [1002, 1002], 0.1, 100), false);
  equal(pace.isDue(["a"], [1002, 1010], 0.1, 200), true);
  equal(pace.isDue(["b"], [1002, 1010], 0.1, 201), true);
  equal(pace.isDue(["b"], [1002, 1010], 0.1, 1200), false);
  equal(pace.isDue(["b"], [1002, 1010], 0.1, 1201), true);
});

test("the time left comes from the loop's rate, else from the loop inside it", () => {
  const now = 1000;
  const batch = {
    key: "batch",
    index: 50,
    total: 100,
    rate: 10,
    since: now - 5,
    parent: "epoch",
  };
  const epoch = { key: "epoch", index: 2, total: 10, rate: 0.1, since: 0 };
  equal(secondsLeft(batch, [epoch, batch], now), 5);
  equal(secondsLeft(epoch, [epoch, batch], now), 75);
  equal(secondsLeft({ ...epoch, index: 0, rate: null }, [batch], now), 95);
  equal(secondsLeft({ key: "forever", index: 3, total: null, rate: 5 }, [], now), null);
  equal(secondsLeft({ key: "new", index: 0, total: 9, rate: null }, [], now), null);
  equal(fraction(epoch, [epoch, batch]), 0.25);
  equal(fraction({ key: "x", index: 10, total: 10 }, []), 1);
});
