import { createHash } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import { silentLogger } from "../../../../src/runtime/logger.ts";
import { CommitGroup } from "../../../../src/store/sqlite/commit-group.ts";
import { RefusedFrames } from "../../../../src/store/sqlite/replay/refused-frames.ts";
import { prepareSchema } from "../../../../src/store/sqlite/schema.ts";
import { FakeClock } from "../../../support/fake-clock.ts";
import { rejection } from "../../../support/rejection.ts";
import { assert, suite } from "../../../support/suite.ts";

const test = suite("store/sqlite/replay/refused-frames");

const clock = new FakeClock();
const frame = (nonce: string, aheadMs: number) => ({
  clientId: "ada",
  fingerprint: createHash("sha256").update(nonce).digest().subarray(0, 8),
  tsMs: clock.nowMs() + aheadMs,
});

for (const [what, aheadMs] of Object.entries({ "a nonce": 120_000, "a range": 1e12 })) {
  test(`${what} whose first write failed is on the disk after the second`, async () => {
    using db = new DatabaseSync(":memory:");
    prepareSchema(db, {
      path: ":memory:",
      logger: silentLogger,
      pageKey: new Uint8Array(32),
      storeId: "store",
      nowMs: clock.nowMs(),
    });
    const commits = new CommitGroup({ db, clock, logger: silentLogger, onDamage: () => {} });
    const refused = new RefusedFrames(db, commits);
    const far = frame("sent twice", aheadMs);

    db.exec("PRAGMA query_only = true");
    await rejection("UNAVAILABLE", refused.add(far, clock.nowMs()));
    db.exec("PRAGMA query_only = false");
    await refused.add(far, clock.nowMs());

    const readBack = new RefusedFrames(db, commits);
    assert.ok(readBack.has(far.fingerprint) || readBack.find("ada", far.tsMs) !== undefined);
  });
}

test.run();
