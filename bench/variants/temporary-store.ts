import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSqliteStore } from "../../src/store/sqlite/open.ts";
import type { Store } from "../../src/store/store.ts";

/** Opens a SQLite store in a temporary folder, which is removed with it. TMPDIR selects the disk. */
export async function openTemporaryStore(): Promise<Store> {
  const folder = mkdtempSync(join(tmpdir(), "sealwire-bench-"));
  const store = await openSqliteStore({ path: join(folder, "store.db") });
  return {
    jobs: store.jobs,
    replay: store.replay,
    intents: store.intents,
    auditHeads: store.auditHeads,
    operator: store.operator,
    instanceId: store.instanceId,
    announce: (info) => store.announce(info),
    condition: store.condition,
    identity: store.identity,
    get away() {
      return store.away;
    },
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
