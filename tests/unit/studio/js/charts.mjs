import { decimate, rangeOf, smooth } from "../../../../src/livespark/studio/app/charts/decimate.js";
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
  return decimate(made, { from: 0, to: made.length }, { low, high, width, positive });
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

test("steps that go back begin a new segment; the nearest point is looked for in the newest", () => {
  const made = series([1, 2, 3, 10, 20], [0, 10, 20, 5, 15]);
  equal(made.segments, [0, 3]);
  equal(
    made.slices(0, 100).map(({ from, to, old }) => [from, to, old]),
    [
      [0, 3, true],
      [3, 5, false],
    ],
  );
  equal(
    [0, 6, 14, 99].map((step) => made.values[made.nearest(step)]),
    [1, 10, 20, 20],
  );
  equal(new Series().nearest(3), -1);
});

test("a slice holds the points in range and one more on either side", () => {
  equal(series(count(100)).slices(10, 20), [{ from: 9, to: 21, old: false }]);
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
  equal(pace.isDue(["a"], 1000, 0.1, 0), true);
  equal(pace.isDue(["a"], 1002, 0.1, 100), false);
  equal(pace.isDue(["a"], 1010, 0.1, 200), true);
  equal(pace.isDue(["b"], 1010, 0.1, 201), true);
  equal(pace.isDue(["b"], 1010, 0.1, 1200), false);
  equal(pace.isDue(["b"], 1010, 0.1, 1201), true);
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
