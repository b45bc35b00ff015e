import { ansi, bare } from "../../../../src/livespark/studio/app/panels/ansi.js";
import { LogBuffer } from "../../../../src/livespark/studio/app/panels/log-buffer.js";
import { findStart } from "../../../../src/livespark/studio/app/panels/log-start.js";
import { Record } from "../../../../src/livespark/studio/app/run/record.js";
import { equal, test, truthy } from "./harness.mjs";

function written(...pieces) {
  const log = new LogBuffer(1000);
  for (const [text, stream = "stdout"] of pieces) log.append({ start: 0, end: 0, stream, time: 1, text });
  return log.lines.map((line) => [line.stream, line.text]);
}

test("pieces become lines, wherever they are cut", () => {
  equal(written(["ab"], ["c\nd"], ["\n\ne"]), [
    ["stdout", "abc"],
    ["stdout", "d"],
    ["stdout", ""],
    ["stdout", "e"],
  ]);
});

test("each stream has its own open line", () => {
  equal(written(["out"], ["err\n", "stderr"], [" more\n"]), [
    ["stdout", "out more"],
    ["stderr", "err"],
  ]);
});

test("a carriage return writes over the line, as progress bars do", () => {
  equal(written(["\r 10%"], ["\r 20%"], ["\r100%\n"], ["done\n"]), [
    ["stdout", "100%"],
    ["stdout", "done"],
  ]);
  equal(written(["abcdef\rxy\n"]), [["stdout", "xycdef"]]);
  equal(written(["a\r\nb\r"], ["\n"]), [
    ["stdout", "a"],
    ["stdout", "b"],
  ]);
});

test("bytes that are no UTF-8 are replaced", () => {
  const log = new LogBuffer();
  log.append({
    start: 0,
    end: 3,
    stream: "stdout",
    time: 1,
    base64: btoa("a\xff\n"),
  });
  equal(log.lines[0].text, "a\ufffd");
});

test("the oldest lines go when there are too many", () => {
  const log = new LogBuffer(100);
  for (let index = 0; index < 1000; index += 1)
    log.append({
      start: 0,
      end: 0,
      stream: "stdout",
      time: 1,
      text: `${index}\n`,
    });
  truthy(log.lines.length <= 110, `${log.lines.length}`);
  equal(log.lines.at(-1).text, "999");
  equal(log.dropped + log.lines.length, 1000);
});

test("terminal colours become names, all else is left out", () => {
  equal(ansi("a\x1b[1;31mred\x1b[0m b"), [
    { text: "a", style: "" },
    { text: "red", style: "bold red" },
    { text: " b", style: "" },
  ]);
  equal(ansi("\x1b[38;5;200mx\x1b[92my\x1b[39mz"), [
    { text: "x", style: "" },
    { text: "y", style: "green" },
    { text: "z", style: "" },
  ]);
  equal(ansi("\x1b[2Ka\x1b]0;title\x07b\x00c"), [
    { text: "a", style: "" },
    { text: "bc", style: "" },
  ]);
  equal(bare("\x1b[1mx\x1b[0m"), "x");
});

test("a huge log is read from near its end, a short one from its beginning", async () => {
  for (const size of [0, 10, 2000, 2001, 5000, 123_456_789]) {
    let asked = 0;
    const start = await findStart(async (offset) => ((asked += 1), offset < size), 1000);
    truthy(start === 0 ? size <= 2001 : size - start >= 1000 && size - start <= 2001, `${size}: ${start}`);
    truthy(asked < 50, `${asked} requests`);
  }
});

test("the record joins commands with their answers and marks those that took effect", () => {
  const record = new Record();
  const add = (seq, event) => record.add({ seq, time: seq, event });
  add(1, { type: "status", state: "running" });
  add(2, {
    type: "commanded",
    id: "a",
    number: 1,
    actor: "ada",
    command: { kind: "set", values: { lr: 0.1 } },
  });
  add(3, {
    type: "commanded",
    id: "b",
    number: 2,
    actor: "bob",
    command: { kind: "call", function: "f", args: [1], kwargs: { x: "y" } },
  });
  add(4, { type: "started", id: "a", number: 1 });
  add(5, {
    type: "answered",
    id: "a",
    number: 1,
    answer: { outcome: "applied", step: 12 },
  });
  add(6, {
    type: "answered",
    id: "b",
    number: 2,
    answer: { outcome: "refused", message: "no" },
  });
  add(7, {
    type: "answered",
    id: "unheard-of",
    number: 9,
    answer: { outcome: "applied" },
  });
  add(8, { type: "thinned", rows: 1000, first_step: 5, last_step: 9 });
  equal(
    record.entries.map(({ kind, answer }) => [kind, answer?.outcome]),
    [
      ["status", undefined],
      ["command", "applied"],
      ["command", "refused"],
      ["gap", undefined],
    ],
  );
  equal(record.marks(), [{ kind: "asked", step: 12, text: "lr = 0.1\nby ada, at step 12" }]);
});
