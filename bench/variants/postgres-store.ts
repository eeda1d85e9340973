import { openPostgresStore } from "../../src/store/postgres/open.ts";
import type { Store } from "../../src/store/store.ts";
import { PostgresServer } from "../../test/support/postgres-server.ts";

/** Opens a store on a new PostgreSQL server with synced commits. The server ends with the store. */
export async function openBenchStore(): Promise<Store> {
  const postgres = await PostgresServer.start({ synced: true });
  const store = await openPostgresStore({ url: postgres.url(await postgres.newSchema()) });
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
      await postgres[Symbol.asyncDispose]();
    },
  };
}
