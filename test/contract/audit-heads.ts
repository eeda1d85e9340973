import type { AuditHead } from "../../src/store/audit-heads.ts";
import { assert, suite } from "../support/suite.ts";
import { Bench, digest, type EngineUnderTest } from "./store-under-test.ts";

/** Requirements on every engine: heads of audit chains. */
export function auditHeadsContract(engine: EngineUnderTest): void {
  const test = suite(`contract/${engine.name}/audit-heads`);
  const bench = new Bench(engine, test);

  const record = (sequence: number, chainId = "one") =>
    bench.under.store.auditHeads.record(chainId, { sequence, head: digest(`${chainId} ${sequence}`) });
  const read = async (chainId = "one"): Promise<(AuditHead & { recordedAtMs: number }) | null> => {
    const found = await bench.under.store.auditHeads.read(chainId);
    return found && { ...found, head: Buffer.from(found.head) };
  };

  test("a chain that was never recorded has no head, and each chain has its own", async () => {
    assert.is(await read(), null);
    await record(1);
    await record(7, "other");
    assert.equal(await read(), { sequence: 1, head: digest("one 1"), recordedAtMs: bench.clock.nowMs() });
    assert.is((await read("other"))?.sequence, 7);
  });

  test("a later head replaces the earlier one, an earlier one changes nothing", async () => {
    await record(5);
    bench.clock.advance(1_000);
    await record(9);
    const latest = await read();
    assert.equal(latest, { sequence: 9, head: digest("one 9"), recordedAtMs: bench.clock.nowMs() });
    bench.clock.advance(1_000);
    await record(8);
    assert.equal(await read(), latest);
  });

  test("a recorded head survives a power loss", async () => {
    await record(3);
    await bench.under.losePower();
    assert.is((await read())?.sequence, 3);
  });

  test.run();
}
