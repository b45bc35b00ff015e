import { SseParser } from "../../../../src/livespark/studio/client/sse.js";
import { equal, server, test, truthy } from "./harness.mjs";

const bytesOf = (base64) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));

function parse(bytes, size) {
  const parser = new SseParser();
  const messages = [];
  for (let start = 0; start < bytes.length; start += size)
    messages.push(...parser.feed(bytes.subarray(start, start + size)));
  return {
    parser,
    messages: messages.map(({ event, data, id }) => [event, data, id]),
  };
}

test("the parser agrees with Python's on every case, however the bytes are cut", async () => {
  const { cases } = await (await fetch(`${server}/vectors.json`)).json();
  truthy(cases.length > 30, "the cases are missing");
  for (const { name, wire, messages } of cases) {
    for (const size of [1, 2, 3, 7, 1e6])
      equal(parse(bytesOf(wire), size).messages, messages, `${name}, cut every ${size} bytes`);
  }
});

test("retry takes ASCII digits only, and keeps an earlier good value", () => {
  const retry = (text) => parse(new TextEncoder().encode(text), 3).parser.retry;
  equal(retry("retry: 1000\n\n"), 1000);
  equal(retry("retry: 1000\nretry: bogus\n\n"), 1000);
  for (const bad of ["+50", "-5", "1_0", "٣", "", "1.5"]) equal(retry(`retry: ${bad}\n`), null, bad);
});

test("the last id is known without a message, and not before its blank line", () => {
  equal(parse(new TextEncoder().encode("id: 7\n\nid: 8\n"), 2).parser.lastId, "7");
});

test("a message beyond the limit is an error, in one line or many", () => {
  for (const text of [`data: ${"x".repeat(200)}`, "data: 0123456789\n".repeat(20), "data\n".repeat(101)]) {
    let error = null;
    try {
      new SseParser({ limit: 100 }).feed(new TextEncoder().encode(text));
    } catch (caught) {
      error = caught;
    }
    truthy(error instanceof RangeError, "no error");
  }
});

test("a megabyte in single bytes takes linear time", () => {
  const parser = new SseParser();
  const byte = new Uint8Array([120]);
  parser.feed(new TextEncoder().encode("data: "));
  const began = performance.now();
  for (let count = 0; count < 1e6; count += 1) parser.feed(byte);
  equal(parser.feed(new TextEncoder().encode("\n\n"))[0].data.length, 1e6);
  truthy(performance.now() - began < 10_000, "too slow");
});
