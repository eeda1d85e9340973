import { rejection } from "../support/rejection.ts";
import { assert, suite } from "../support/suite.ts";
import { Bench, digest, type EngineUnderTest } from "./store-under-test.ts";

const DAY_MS = 86_400_000;

/** Requirements on every engine: intents of sync calls. */
export function rememberingContract(engine: EngineUnderTest): void {
  const test = suite(`contract/${engine.name}/remembering`);
  const bench = new Bench(engine, test);

  const begin = (requestId = "intent", text = "same", clientId = "alice") =>
    bench.intents.begin(clientId, requestId, digest(text));

  test("a new intent is begun, and runs until it is finished", async () => {
    assert.equal(await begin(), { kind: "begun" });
    assert.equal(await begin(), { kind: "running" });
    await bench.intents.finish("alice", "intent", Buffer.from("outcome"));
    const known = await begin();
    assert.is(known.kind, "finished");
    assert.is(known.kind === "finished" && Buffer.from(known.outcome).toString(), "outcome");
  });

  test("one of many that begin an intent at once begins it", async () => {
    const all = await Promise.all(Array.from({ length: 20 }, () => begin()));
    assert.is(all.filter(({ kind }) => kind === "begun").length, 1);
    assert.is(all.filter(({ kind }) => kind === "running").length, 19);
  });

  test("a request id stands for one intent of one client", async () => {
    await begin();
    assert.equal(await begin("intent", "other"), { kind: "reused" });
    assert.equal(await begin("intent", "other", "bob"), { kind: "begun" });
  });

  test("a finished intent is remembered after a crash and a loss of power", async () => {
    await begin();
    await bench.intents.finish("alice", "intent", Buffer.from("outcome"));
    await bench.under.crash();
    assert.is((await begin()).kind, "finished");
    await bench.under.losePower();
    assert.is((await begin()).kind, "finished");
  });

  test("the outcome of an intent whose process died is unknown", async () => {
    await begin();
    await bench.under.crash();
    assert.equal(await begin(), { kind: "unknown" });
    assert.equal(await begin("intent", "other"), { kind: "reused" });
  });

  test("the outcome of an intent that is given up is unknown, until a late one takes its place", async () => {
    await begin();
    await bench.intents.giveUp("alice", "intent");
    assert.equal(await begin(), { kind: "unknown" });
    assert.equal(await begin("intent", "other"), { kind: "reused" });
    await bench.intents.finish("alice", "intent", Buffer.from("late"));
    const known = await begin();
    assert.is(known.kind === "finished" && Buffer.from(known.outcome).toString(), "late");
  });

  test("an intent that is given up stays unknown after a crash and a restart", async () => {
    await begin();
    await bench.intents.giveUp("alice", "intent");
    await bench.under.crash();
    assert.equal(await begin(), { kind: "unknown" });
    await bench.under.restart();
    assert.equal(await begin(), { kind: "unknown" });
  });

  test("giving an intent up that has ended, or never began, changes nothing", async () => {
    await bench.intents.giveUp("alice", "intent");
    assert.equal(await begin(), { kind: "begun" });
    await bench.intents.finish("alice", "intent", Buffer.from("outcome"));
    await bench.intents.giveUp("alice", "intent");
    assert.is((await begin()).kind, "finished");
  });

  test("an abandoned intent can be begun anew", async () => {
    await begin();
    await bench.intents.abandon("alice", "intent");
    assert.equal(await begin("intent", "other"), { kind: "begun" });
  });

  test("an outcome above 64 KiB is refused, and the intent still waits for one that fits", async () => {
    await begin();
    await rejection("RESULT_TOO_LARGE", bench.intents.finish("alice", "intent", Buffer.alloc(64 * 1024 + 1)));
    assert.equal(await begin(), { kind: "running" });
    await bench.intents.finish("alice", "intent", Buffer.alloc(64 * 1024));
    assert.is((await begin()).kind, "finished");
  });

  test("an outcome is recorded once", async () => {
    await begin();
    await bench.intents.finish("alice", "intent", Buffer.from("first"));
    await bench.intents.finish("alice", "intent", Buffer.from("second")).then(
      () => assert.unreachable("a second outcome was taken"),
      () => {},
    );
    const known = await begin();
    assert.is(known.kind === "finished" && Buffer.from(known.outcome).toString(), "first");
  });

  test("an intent is remembered for a day after its end and then forgotten", async () => {
    await begin();
    bench.clock.step(1_000);
    await bench.intents.finish("alice", "intent", Buffer.from("outcome"));
    bench.clock.step(DAY_MS - 1);
    assert.is(await bench.intents.sweep(), 0);
    assert.is((await begin()).kind, "finished");
    bench.clock.step(1);
    assert.is(await bench.intents.sweep(), 1);
    assert.equal(await begin(), { kind: "begun" });
  });

  test.run();
}
