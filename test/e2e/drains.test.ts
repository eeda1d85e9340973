import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SealwireClient } from "../../src/client/client.ts";
import type { JobSnapshot } from "../../src/client/jobs/job-snapshot.ts";
import { systemRandom } from "../../src/runtime/random.ts";
import { createServer } from "../../src/server/server.ts";
import { addKey, newKeyRing } from "../../src/signing/key-ring/changes.ts";
import { credentialsOf } from "../../src/signing/key-ring/credentials.ts";
import { buildKeyRing } from "../../src/signing/key-ring/key-ring.ts";
import { memoryKeyRing } from "../../src/signing/key-ring/memory-key-ring.ts";
import type { VerificationKey } from "../../src/signing/key-ring/types.ts";
import { openSqliteStore } from "../../src/store/sqlite/open.ts";
import { eventually } from "../support/eventually.ts";
import { assert, suite } from "../support/suite.ts";
import { entryDesc, type LedgerHandler, ledgerDescriptors, ledgerImage, ledgerTools } from "./ledger-tools.ts";

const test = suite("e2e/drains");

const DRAINS = 10;

test("a job that gets one attempt survives ten drains in its middle, and one watch sees it through", async () => {
  const folder = await mkdtemp(join(tmpdir(), "sealwire-drains-"));
  const context = { nowMs: Date.now(), random: systemRandom };
  const added = addKey(newKeyRing("drained", context), { clientId: "alice", tools: ["*"] }, context);
  const ring = buildKeyRing(added.document);
  const attempts: number[] = [];
  /** Does not end by itself before the last round. Every other round it is deaf to its signal, and is cut off. */
  const closeYear: LedgerHandler = async ({ attempt, signal }) => {
    attempts.push(attempt);
    if (attempt > DRAINS) return undefined;
    const { promise, reject } = Promise.withResolvers<undefined>();
    if (attempt % 2 === 1) signal.addEventListener("abort", () => reject(signal.reason));
    return promise;
  };

  /** One life of the server process: opens the store, serves, and gives what ends it all again. */
  const live = async (listen: string) => {
    const store = await openSqliteStore({ path: join(folder, "store.db") });
    const tools = [ledgerTools({ closeYear })];
    const server = await createServer({
      keyRing: memoryKeyRing(added.document),
      store,
      tools,
      descriptors: [ledgerDescriptors],
    });
    const { address } = await server.listen(listen);
    return {
      address,
      async end() {
        await server.drain(50);
        await store[Symbol.asyncDispose]();
      },
    };
  };

  let process = await live("127.0.0.1:0");
  const { address } = process;
  const key = ring.find(added.keyId) as VerificationKey;
  await using client = new SealwireClient({
    credentials: credentialsOf(key, { serverId: "drained", address }),
    descriptors: ledgerImage,
    retry: { initialDelayMs: 1, maxDelayMs: 20 },
  });
  try {
    const { job } = await client.call("close_year", { cents: -1 });
    const handle = client.job(job?.jobId ?? "");
    const seen: JobSnapshot[] = [];
    const watched = (async () => {
      for await (const state of handle.watch()) seen.push(state);
    })();
    await eventually("the watch has begun", () => seen.length > 0);
    for (let round = 1; round <= DRAINS; round += 1) {
      await eventually(`attempt ${round} runs`, () => attempts.length === round);
      await process.end();
      process = await live(address);
    }
    await watched;
    assert.equal(
      attempts,
      Array.from({ length: DRAINS + 1 }, (_, i) => i + 1),
    );
    const last = seen.at(-1);
    assert.equal([last?.state, last?.attempt, last?.maxAttempts, last?.error], ["SUCCEEDED", DRAINS + 1, 1, undefined]);
    assert.equal(
      seen.map(({ revision }) => revision),
      seen.map(({ revision }) => revision).sort((one, other) => one - other),
    );
    const output = await handle.result();
    assert.is(output.typeName, entryDesc.typeName);
    assert.equal(await output.json(), { cents: -1 });
  } finally {
    await process.end();
    await rm(folder, { recursive: true });
  }
});

test.run();
