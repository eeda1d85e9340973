import { rejection } from "../support/rejection.ts";
import { assert, suite } from "../support/suite.ts";
import { Bench, digest, type EngineUnderTest } from "./store-under-test.ts";

const DAY_MS = 86_400_000;

/** Requirements on every engine: intents of sync calls. */
export function rememberingContract(engine: EngineUnderTest): void {
  const test = suite(`contract/${engine.name}/remembering`);
  const bench = new Bench(engine, test);

  const beginRepeatable = (text = "same") => bench.intents.begin("alice", "intent", digest(text), { repeatable: true });
  const finish = async (text: string) =>
    Buffer.from(await bench.intents.finish("alice", "intent", Buffer.from(text))).toString();
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

  test("a request id is known while its intent is, and that of a job, to its client alone", async () => {
    const knows = (requestId: string, clientId = "alice") => bench.intents.knows(clientId, requestId);
    assert.is(await knows("intent"), false);
    await begin();
    assert.equal([await knows("intent"), await knows("intent", "bob"), await knows("other")], [true, false, false]);
    await bench.intents.finish("alice", "intent", Buffer.from("outcome"));
    assert.is(await knows("intent"), true);
    await begin("left");
    await bench.intents.abandon("alice", "left");
    assert.is(await knows("left"), false);
    await bench.submit({ requestId: "job" });
    assert.equal([await knows("job"), await knows("job", "bob")], [true, false]);
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

  test("a repeatable intent whose process died is begun again, and runs until it is finished", async () => {
    assert.equal(await beginRepeatable(), { kind: "begun" });
    assert.equal(await beginRepeatable(), { kind: "running" });
    for (let crash = 0; crash < 2; crash += 1) {
      await bench.under.crash();
      assert.equal(await beginRepeatable("other"), { kind: "reused" });
      assert.equal(await beginRepeatable(), { kind: "begun" });
      assert.equal(await beginRepeatable(), { kind: "running" });
    }
    await bench.under.restart();
    assert.equal(await beginRepeatable(), { kind: "begun" });
    assert.is(await finish("outcome"), "outcome");
    assert.is((await beginRepeatable()).kind, "finished");
  });

  test("one of many that begin a repeatable intent again begins it", async () => {
    await beginRepeatable();
    await bench.under.crash();
    const all = await Promise.all(Array.from({ length: 20 }, () => beginRepeatable()));
    assert.is(all.filter(({ kind }) => kind === "begun").length, 1);
    assert.is(all.filter(({ kind }) => kind === "running").length, 19);
  });

  test("an intent is begun again only if it was repeatable when it began, and still is", async () => {
    await begin();
    await bench.intents.giveUp("alice", "intent");
    assert.equal(await beginRepeatable(), { kind: "unknown" });
    await bench.intents.begin("alice", "marked", digest("same"), { repeatable: true });
    await bench.under.crash();
    assert.equal(await beginRepeatable(), { kind: "unknown" });
    assert.equal(await begin("marked"), { kind: "unknown" });
  });

  test("a repeatable intent that is given up is begun again, and of both runs the first outcome is kept", async () => {
    for (const first of ["the given-up run", "the later run"]) {
      await beginRepeatable();
      await bench.intents.giveUp("alice", "intent");
      assert.equal(await begin(), { kind: "unknown" });
      assert.equal(await beginRepeatable(), { kind: "begun" });
      assert.equal(await beginRepeatable(), { kind: "running" });
      assert.is(await finish(first), first);
      assert.is(await finish("the other run"), first);
      await bench.intents.giveUp("alice", "intent");
      await bench.intents.abandon("alice", "intent");
      const known = await beginRepeatable();
      assert.is(known.kind === "finished" && Buffer.from(known.outcome).toString(), first);
      bench.clock.step(DAY_MS);
      assert.is(await bench.intents.sweep(), 1);
    }
  });

  test("an abandoned repeatable intent can be begun again, but by no other intent, since a run may still end", async () => {
    await beginRepeatable();
    await bench.intents.giveUp("alice", "intent");
    await beginRepeatable();
    await bench.intents.abandon("alice", "intent");
    assert.equal(await begin("intent", "other"), { kind: "reused" });
    assert.is(await finish("of the first run"), "of the first run");
    const known = await beginRepeatable();
    assert.is(known.kind === "finished" && Buffer.from(known.outcome).toString(), "of the first run");
  });

  test("an intent that is begun while another run is abandoned is never unknown, and then runs", async () => {
    for (const start of [begin, beginRepeatable]) {
      await start();
      const [, found] = await Promise.all([bench.intents.abandon("alice", "intent"), start()]);
      assert.ok(found.kind === "begun" || found.kind === "running", found.kind);
      if (found.kind === "begun") assert.equal(await start(), { kind: "running" });
      await bench.intents.abandon("alice", "intent").catch(() => {});
    }
  });

  test("an intent that is begun again is remembered for a day from then on", async () => {
    await beginRepeatable();
    await bench.under.crash();
    bench.clock.step(DAY_MS - 1);
    assert.equal(await beginRepeatable(), { kind: "begun" });
    bench.clock.step(DAY_MS - 1);
    assert.is(await bench.intents.sweep(), 0);
    assert.is(await finish("outcome"), "outcome");
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
