import {
  CallFailed,
  CommandRefused,
  OutcomeUnknown,
  RequestRefused,
  connect,
} from "../../../../src/livespark/studio/client/index.js";
import { equal, rejects, server, test, truthy, until } from "./harness.mjs";

const use = (name) =>
  connect({ server, token: "secret" }).use(name, {
    reconnect: { initial: 5, maximum: 40 },
  });
const facts = async (name) => (await fetch(`${server}/facts/${name}`)).json();

test("a set resolves with its answer once it is applied", async () => {
  const run = use("desk");
  const answer = await run.set("optimizer.lr", 3e-4);
  equal([answer.outcome, answer.step, answer.value], ["applied", 7, { "optimizer.lr": 3e-4 }]);
  run.close();
});

test("a call resolves with its decoded result; arguments keep what JSON can't hold", async () => {
  const run = use("desk");
  equal(await run.call("echo", NaN, 2n ** 63n, { $: 1 }), [NaN, 2n ** 63n, { $: 1 }]);
  run.close();
});

test("refused, failed and unknown are three kinds of error", async () => {
  const run = use("desk");
  equal((await rejects(run.call("refuse"), CommandRefused)).message, "no such argument");
  equal((await rejects(run.call("fail"), CallFailed)).message, "ValueError: bad");
  await rejects(run.call("die"), OutcomeUnknown);
  equal((await run.ask({ kind: "call", function: "refuse" })).outcome, "refused");
  run.close();
});

test("what the server turns away is rejected with its problem", async () => {
  const run = use("desk");
  const error = await rejects(run.pause(), RequestRefused);
  equal([error.status, error.code, error.message], [409, "run-ended", "the run has ended (stopped)"]);
  run.close();
});

test("a request that is lost on its way is repeated under its id, and done once", async () => {
  const run = use("lossy");
  await run.set("lr", 1);
  const { posts, ids } = await facts("lossy");
  equal(posts, 3);
  equal(ids.length, 1);
  truthy(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(ids[0]), ids[0]);
  run.close();
});

test("an answer that the stream can't bring is fetched", async () => {
  const run = use("quiet");
  const answer = run.set("lr", 1);
  await until(() => run.connection.phase === "closed");
  equal((await answer).outcome, "applied");
});

test("closing rejects what is still open", async () => {
  const run = use("mute");
  const answer = run.resume();
  await until(() => run.connection.phase === "open");
  run.close();
  await rejects(answer, OutcomeUnknown);
});
