import { emptyDoc, merge } from "../../../../src/livespark/studio/client/live.js";
import { decodeNode, decodeNumber, encodeNode } from "../../../../src/livespark/studio/client/nodes.js";
import { joinPath, splitPath } from "../../../../src/livespark/studio/client/paths.js";
import { RECONNECT, delay, retryAfter, verdict } from "../../../../src/livespark/studio/client/reconnect.js";
import { equal, server, test, truthy } from "./harness.mjs";

test("values that JSON or JavaScript can't hold survive both ways", () => {
  const values = [
    NaN,
    Infinity,
    -Infinity,
    2n ** 63n,
    -(2n ** 53n) - 1n,
    [NaN, { a: 2n ** 64n }],
    new Uint8Array([0, 255, 10]),
  ];
  for (const value of values) equal(decodeNode(JSON.parse(JSON.stringify(encodeNode(value)))), value);
  equal(encodeNode(12n), 12);
  equal(encodeNode(undefined), null);
});

test("keys that begin with a dollar sign are guarded", () => {
  equal(encodeNode({ $: 1, $$: 2, a$: 3 }), { $$: 1, $$$: 2, a$: 3 });
  equal(decodeNode(encodeNode({ $: "float", v: "nan" })), {
    $: "float",
    v: "nan",
  });
});

test("nodes that stand for something richer stay as they are", () => {
  const node = { $: "array", shape: [2], dtype: "float32", data: [1, "nan"] };
  equal(decodeNode([node]), [node]);
});

test("metric numbers become numbers", () => {
  equal(["nan", "inf", "-inf", "9223372036854775808", 0.5].map(decodeNumber), [NaN, Infinity, -Infinity, 2 ** 63, 0.5]);
});

test("Node and Python agree on every node", async () => {
  const { nodes } = await (await fetch(`${server}/vectors.json`)).json();
  for (const node of nodes) equal(encodeNode(decodeNode(node)), node);
});

test("Node and Python agree on paths", async () => {
  const { paths } = await (await fetch(`${server}/vectors.json`)).json();
  for (const { segments, path } of paths) {
    equal(joinPath(segments), path);
    equal(splitPath(path), segments);
  }
});

test("live deltas are merged: values by path, the rest whole, dropped paths go", () => {
  const doc = emptyDoc();
  merge(doc, {
    version: 1,
    full: true,
    step: 3,
    values: { a: 1, b: 2 },
    fields: { a: { shape: { type: "int" } } },
    loops: [{ key: "x", index: 0 }],
    memory: [{ number: 3, time: 1 }],
  });
  merge(doc, {
    version: 2,
    values: { a: 5 },
    dropped: ["b"],
    steps_per_second: 7,
  });
  equal(doc, {
    version: 2,
    step: 3,
    values: { a: 5 },
    fields: { a: { shape: { type: "int" } } },
    functions: {},
    loops: [{ key: "x", index: 0 }],
    memory: [{ number: 3, time: 1 }],
    steps_per_second: 7,
  });
  merge(doc, { version: 3, full: true, values: { c: 1 } });
  equal([doc.values, doc.fields, doc.loops, doc.memory, doc.step], [{ c: 1 }, {}, [], [], 3]);
});

test("only a stream is read, only passing trouble is worth another try", () => {
  equal(verdict(200, "text/event-stream"), "read");
  equal(verdict(200, "text/event-stream; charset=utf-8"), "read");
  equal(verdict(200, "text/html"), "end");
  for (const status of [408, 425, 429, 500, 502, 503, 504]) equal(verdict(status, ""), "retry", status);
  for (const status of [204, 205, 301, 400, 401, 403, 404, 410, 501]) equal(verdict(status, ""), "end", status);
});

test("delays grow, vary, have a cap, and are never shorter than the server asked for", () => {
  const plain = { ...RECONNECT, jitter: 0 };
  equal(
    [0, 1, 2, 3, 4].map((failures) => delay(plain, failures, 0, 0.5)),
    [500, 500, 1000, 2000, 4000],
  );
  equal(delay(plain, 1e9, 0, 0.5), 30_000);
  equal(
    [0, 1].map((random) => delay(RECONNECT, 1, 0, random)),
    [375, 625],
  );
  equal(delay(plain, 0, 7000, 0.5), 7000);
  equal(delay(plain, 0, 1e9, 0.5), 30_000);
});

test("Retry-After is read as seconds or as a date", () => {
  const now = Date.parse("2026-11-22T10:00:00Z");
  equal(
    ["3", "Sun, 22 Nov 2026 10:00:05 GMT", "soon", null].map((header) => retryAfter(header, now)),
    [3000, 5000, 0, 0],
  );
  truthy(retryAfter("Sun, 22 Nov 2026 09:00:00 GMT", now) === 0, "a date in the past");
});
