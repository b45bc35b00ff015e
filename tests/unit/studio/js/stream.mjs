import { connect } from "../../../../src/livespark/studio/client/index.js";
import { equal, server, test, truthy, until } from "./harness.mjs";

const FAST = { initial: 5, maximum: 40, idle: 400 };

function follow(name, options = {}) {
  const run = connect({ server, token: "secret" }).use(name, {
    reconnect: FAST,
    ...options,
  });
  const seen = { events: [], texts: [], gaps: [], resets: 0, phases: [] };
  run.listen({
    event: (stored) => seen.events.push(stored.seq),
    output: ({ text }) => seen.texts.push(text),
    gap: (gap) => seen.gaps.push([gap.first, gap.last]),
    reset: () => {
      seen.resets += 1;
      seen.events = [];
    },
    change: ({ connection }) => seen.phases.push(connection.phase),
  });
  return { run, seen };
}

const upTo = (last) => Array.from({ length: last }, (_, index) => index + 1);
const facts = async (name) => (await fetch(`${server}/facts/${name}`)).json();

test("a stream cut at any byte is resumed: every event and every byte of output once, in order", async () => {
  const { run, seen } = follow("cut", { output: 0 });
  await until(() => run.connection.phase === "closed");
  equal(seen.events, upTo(300));
  equal(
    seen.texts.join(""),
    upTo(300)
      .map((number) => `line ${number}\n`)
      .join(""),
  );
  const { requests, cuts } = await facts("cut");
  truthy(cuts >= 20, `only ${cuts} cuts`);
  truthy(requests >= cuts, "cuts without a new request");
  equal(run.connection.error, null);
  equal(run.info.state, "completed");
});

test("a run that has ended is not asked for again", async () => {
  const { run } = follow("short");
  await until(() => run.connection.phase === "closed");
  const before = (await facts("short")).requests;
  await new Promise((resolve) => setTimeout(resolve, 80));
  equal((await facts("short")).requests, before);
});

test("503 and 502 are tried again", async () => {
  const { run, seen } = follow("flaky");
  await until(() => run.connection.phase === "closed");
  equal(seen.events, upTo(5));
  equal((await facts("flaky")).refused, [503, 502, 503]);
});

test("204, 401 and 404 end it, with the reason", async () => {
  for (const [name, status] of [
    ["nothing", 204],
    ["secretive", 401],
    ["missing", 404],
  ]) {
    const { run } = follow(name);
    await until(() => run.connection.phase === "closed");
    equal(run.connection.error.status, status);
    equal((await facts(name)).requests, 1);
  }
});

test("a silent connection is given up and made anew", async () => {
  const { run, seen } = follow("silent");
  await until(() => run.connection.phase === "closed");
  equal(seen.events, upTo(5));
  equal((await facts("silent")).requests, 2);
});

test("after a reset everything is forgotten and comes again", async () => {
  const { run, seen } = follow("reborn");
  await until(() => run.connection.phase === "closed");
  equal(seen.resets, 1);
  equal(seen.events, upTo(4));
  truthy(run.cursor.startsWith("bbbbbbbb-"), run.cursor);
});

test("a gap is told", async () => {
  const { run, seen } = follow("trimmed");
  await until(() => run.connection.phase === "closed");
  equal([seen.gaps, seen.events], [[[1, 3]], [4, 5]]);
});

test("a server in trouble is told, and forgotten with the next connection, which may be to another one", async () => {
  const { run, seen } = follow("full");
  const told = [];
  run.listen({ change: ({ trouble }) => told.push(trouble) });
  await until(() => run.connection.phase === "closed");
  truthy(told.includes("the disk is full"), told.join());
  equal([run.trouble, seen.events], ["", [1, 2]]);
});

test("a suspended run goes on where it was left", async () => {
  const { run, seen } = follow("slow");
  await until(() => seen.events.length >= 2);
  run.suspend();
  const known = seen.events.length;
  await new Promise((resolve) => setTimeout(resolve, 60));
  equal(seen.events.length, known);
  run.connect();
  await until(() => run.connection.phase === "closed");
  equal(seen.events, upTo(12));
});

test("status events newer than the fetched record change it, older ones don't", async () => {
  const { run } = follow("states");
  await until(() => run.connection.phase === "open" && run.info && run.cursor.endsWith("-3"));
  equal(run.info.state, "paused");
  run.close();
});

test("a listener that throws hurts nobody", async () => {
  const { run, seen } = follow("short");
  const reported = globalThis.reportError;
  const errors = [];
  globalThis.reportError = (error) => errors.push(error.message);
  run.onChange(() => {
    throw new Error("mine");
  });
  await until(() => run.connection.phase === "closed");
  globalThis.reportError = reported;
  equal(seen.events, upTo(5));
  truthy(errors.includes("mine"), "not reported");
});

test("the token travels in a header, never in the address", async () => {
  const { run } = follow("short", { output: 0 });
  await until(() => run.connection.phase === "closed");
  const { headers, addresses } = await facts("short");
  truthy(
    headers.every((header) => header === "Bearer secret"),
    "a request without the token",
  );
  truthy(
    addresses.every((address) => !address.includes("secret")),
    "the token is in an address",
  );
});
