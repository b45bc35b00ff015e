import { heat } from "../../../../src/livespark/studio/app/controls/heat.js";
import { nudge, parse, toText } from "../../../../src/livespark/studio/app/controls/parse.js";
import { withReach } from "../../../../src/livespark/studio/app/controls/reach.js";
import { isBounded, stops, toPosition, toValue } from "../../../../src/livespark/studio/app/controls/scale.js";
import { buildTree, parentOf, sections } from "../../../../src/livespark/studio/app/controls/tree.js";
import { argumentsOf } from "../../../../src/livespark/studio/app/functions/call.js";
import { brief, duration, number, perSecond, steady, typed } from "../../../../src/livespark/studio/app/format.js";
import { equal, test, truthy } from "./harness.mjs";

const FLOAT = { type: "float" };
const NAN = { $: "float", v: "nan" };

test("the flat list of values becomes a tree, escaped dots included", () => {
  const tree = buildTree([
    ["lr", ""],
    ["state", "dict"],
    ["state.a\\.b", "list"],
    ["state.a\\.b.0", ""],
    ["state.loss", ""],
    ["cm", "array"],
  ]);
  const show = ({ label, children }) => (children.length ? [label, children.map(show)] : label);
  equal(tree.map(show), ["lr", ["state", [["a.b", ["0"]], "loss"]], "cm"]);
  equal(["a", "a.b", "a\\.b", "a\\\\.b", "x.a\\.b.c"].map(parentOf), ["", "a", "", "a\\\\", "x.a\\.b"]);
});

test("scalars exposed by themselves share a section, containers and arrays have their own", () => {
  const tree = buildTree([
    ["lr", ""],
    ["state", "dict"],
    ["state.x", ""],
    ["cm", "array"],
    ["seed", ""],
  ]);
  equal(
    sections(tree).map(({ title, children }) => [title, children.map(({ label }) => label)]),
    [
      ["values", ["lr", "seed"]],
      ["state", ["x"]],
      ["cm", ["cm"]],
    ],
  );
});

test("numbers are read as people type them", () => {
  const cases = [
    ["1e-3", 1e-3],
    [" 3 ", 3],
    ["1_000", 1000],
    [".5", 0.5],
    ["5.", 5],
    ["-2", -2],
    ["+4", 4],
    ["nan", NAN],
    ["NaN", NAN],
    ["-inf", { $: "float", v: "-inf" }],
  ];
  for (const [text, node] of cases) equal(parse(text, FLOAT), { node }, text);
  equal(parse("9223372036854775808", { type: "int" }), {
    node: { $: "int", v: "9223372036854775808" },
  });
  for (const text of ["", "abc", "1e", "0x10", "1,5", "--1", "1 e 3x"]) truthy("error" in parse(text, FLOAT), text);
});

test("texts stay texts, nothing is None where allowed, the rest is JSON", () => {
  equal(parse(" a ", { type: "str" }), { node: " a " });
  equal(parse("", { type: "float", nullable: true }), { node: null });
  equal(parse("None", { type: "str", nullable: true }), { node: null });
  equal(parse('{"$x": [1]}', { type: "dict" }), { node: { $$x: [1] } });
  truthy("error" in parse("adam", { type: "any" }), "not JSON");
});

test("an editor shows what can be typed back", () => {
  equal(
    [0.1, 1e-7, 1e21, 12345678901234, NAN, null].map((node) => toText(node, FLOAT)),
    ["0.1", "1e-7", "1e21", "12345678901234", "NaN", "None"],
  );
  equal(toText(0.30000000000000004, FLOAT), "0.3");
  equal(toText({ $: "int", v: "9223372036854775808" }, { type: "int" }), "9223372036854775808");
  equal([toText("x", { type: "str" }), toText("x", { type: "any" }), toText(undefined, FLOAT)], ["x", '"x"', ""]);
});

test("arrow keys take sensible steps and stay in bounds", () => {
  const values = (value, shape, directions) =>
    directions.map((direction) => nudge(value, { ...FLOAT, ...shape }, direction));
  equal(values(0.001, {}, [1, -1, 10]), [0.0011, 0.00099, 0.002]);
  equal(values(0.5, {}, [1, -1]), [0.51, 0.49]);
  equal(values(-0.5, {}, [1, -1]), [-0.49, -0.51]);
  equal(values(0.7, { step: 0.05 }, [1, -1]), [0.75, 0.65]);
  equal(values(3, { type: "int" }, [1, -10]), [4, -7]);
  equal(values(1, { minimum: 0.95, maximum: 1 }, [1, -10]), [1, 0.95]);
  equal(values(0, {}, [1]), [0.01]);
});

test("a slider reaches both ends exactly and goes there and back, on either scale", () => {
  for (const shape of [
    { ...FLOAT, minimum: 1e-5, maximum: 0.1, log: true },
    { ...FLOAT, minimum: -2, maximum: 3 },
    { type: "int", minimum: 1, maximum: 12 },
  ]) {
    equal([toValue(0, shape), toValue(stops(shape), shape)], [shape.minimum, shape.maximum]);
    for (let position = 0; position <= stops(shape); position += 1) {
      const back = toPosition(toValue(position, shape), shape);
      truthy(Math.abs(back - position) <= stops(shape) / 40, `${position} -> ${back}`);
    }
  }
  equal(stops({ type: "int", minimum: 1, maximum: 12 }), 11);
  equal(toValue(3, { ...FLOAT, minimum: 0, maximum: 1, step: 0.1 }), 0.3);
  equal([toPosition(NaN, { minimum: 0, maximum: 1 }), toPosition(9, { minimum: 0, maximum: 1 })], [0, 1000]);
});

test("only a place with two sensible ends gets a slider", () => {
  const cases = [
    [{ minimum: 0, maximum: 1 }, true],
    [{ minimum: 0 }, false],
    [{ minimum: 1, maximum: 1 }, false],
    [{ minimum: 0, maximum: 1, log: true }, false],
  ];
  for (const [shape, expected] of cases) equal(isBounded({ ...FLOAT, ...shape }), expected);
});

test("arguments go by name; those before *args go by place", () => {
  const parameters = [
    { name: "a", shape: FLOAT },
    { name: "b", shape: FLOAT, required: false, default: 2 },
  ];
  equal(argumentsOf(parameters, { a: 1 }), { args: [], kwargs: { a: 1 } });
  equal(argumentsOf(parameters, { a: 1, b: 3 }), {
    args: [],
    kwargs: { a: 1, b: 3 },
  });
  const rest = { name: "rest", shape: FLOAT, variadic: "args" };
  const extra = { name: "extra", shape: FLOAT, variadic: "kwargs" };
  equal(
    argumentsOf([...parameters, rest, extra], {
      a: 1,
      rest: [8, 9],
      extra: { c: 4 },
    }),
    { args: [1, 2, 8, 9], kwargs: { c: 4 } },
  );
  equal(argumentsOf([rest, { name: "k", shape: FLOAT }], { rest: [], k: 5 }), {
    args: [],
    kwargs: { k: 5 },
  });
});

test("numbers are shown short and never wrong", () => {
  equal(
    [0, 1, -3, 12345, 0.1, 1 / 3, 1e-5, 123456.789, 1e9, 1.5e-9].map((value) => number(value)),
    ["0", "1", "−3", "12,345", "0.1", "0.33333", "1e-5", "123,457", "1,000,000,000", "1.5e-9"],
  );
  equal(
    [NaN, Infinity, -Infinity, 2n ** 63n].map((value) => number(value)),
    ["NaN", "∞", "−∞", "9223372036854775808"],
  );
  equal([0.31415926, 0.5, 12, 0.001].map(steady), ["0.3142", "0.5", "12", "0.001"]);
  for (const value of [0.1 + 0.2, 1e21, -5e-324, NaN, -Infinity])
    equal(Number(typed(value).replace("inf", "Infinity")), value);
});

test("times are shown as people say them", () => {
  equal([0, 41, 727, 10_931, 90_000, -3].map(duration), ["0:00", "0:41", "12:07", "3:02:11", "1 d 1 h", "0:00"]);
  equal([1840, 16.2, 2.5, 0.034, 0.001, 1e-178].map(perSecond), [
    "1,840/s",
    "16/s",
    "2.5/s",
    "29 s each",
    "16:40 each",
    "for ever each",
  ]);
});

test("any node has a line", () => {
  const nodes = [
    null,
    true,
    3,
    "x",
    NAN,
    { $: "array", shape: [2, 3], dtype: "int64" },
    { $: "cut", why: "cycle", n: 1 },
    { $: "dict", n: 3 },
    [1, 2],
  ];
  equal(
    nodes.map((node) => brief(node)),
    ["None", "True", "3", '"x"', "NaN", "int64 2 × 3", "a cycle: shown above", "dict of 3", "[1,2]"],
  );
  equal(brief("a".repeat(200), 10).length, 10);
});

test("heat maps: the range is that of the finite values, others stand out", () => {
  const { low, high, colour } = heat(
    [
      [1, NaN],
      [3, Infinity],
    ],
    { "heat-low": "white", "heat-high": "black", warn: "orange" },
  );
  equal([low, high, colour(NaN)], [1, 3, "orange"]);
  truthy(colour(3).includes("100.0%") && colour(1).includes("0.0%"), colour(3));
  truthy(Number.isNaN(heat([[NaN]]).low), "no range");
});

test("a learning rate gets a slider around its value, whose ends stay while they fit", () => {
  const open = { type: "float", minimum: 0 };
  const first = withReach("optimizer.lr", open, 1e-3, open);
  equal([first.minimum, first.maximum, first.log, first.editor], [1e-5, 0.1, true, "slider"]);
  equal(withReach("optimizer.lr", open, 0.05, first) === first, true);
  equal(withReach("optimizer.lr", open, 0.5, first).maximum, 10);
  const untouched = [
    ["optimizer.lr", 0],
    ["optimizer.lr", NAN],
    ["optimizer.eps", 1e-8],
    ["color", 1],
  ];
  for (const [path, node] of untouched) equal(withReach(path, open, node, open) === open, true, path);
  const declared = { type: "float", minimum: 0, maximum: 1 };
  equal(withReach("lr", declared, 0.5, declared) === declared, true);
});
