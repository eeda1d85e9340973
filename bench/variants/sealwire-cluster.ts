import cluster from "node:cluster";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { systemRandom } from "../../src/runtime/random.ts";
import { addKey, newKeyRing } from "../../src/signing/key-ring/changes.ts";
import { credentialsOf, formatCredentials } from "../../src/signing/key-ring/credentials.ts";
import { formatKeyRing } from "../../src/signing/key-ring/document.ts";
import { buildKeyRing } from "../../src/signing/key-ring/key-ring.ts";
import { type SealwireTarget, sealwire } from "./sealwire.ts";
import { stores } from "./sealwire-stores.ts";
import type { Variant } from "./variant.ts";

const CONNECTIONS = 4;
const MILLION = 1_000_000;

/** One process in memory, called over as many connections as the cluster. */
export const sealwireAlone = sealwire({
  title: "one process",
  openStore: stores.memory.open,
  connections: CONNECTIONS,
});

/**
 * Several processes by node:cluster, each with a store in memory of its own. That shows what the processes bring, and is
 * no way to run them: what one has claimed against replays the others do not know. Share a store.
 */
export const sealwireCluster: Variant<SealwireTarget> = {
  title: "node:cluster",
  several: true,

  async serve() {
    const serverId = "bench";
    const context = { nowMs: Date.now(), random: systemRandom };
    const limits = { callsPerSecond: MILLION, burst: MILLION, callsInFlight: MILLION };
    const { document, keyId } = addKey(
      newKeyRing(serverId, context),
      { clientId: "alice", tools: ["*"], limits },
      context,
    );
    cluster.setupPrimary({ exec: join(import.meta.dirname, "..", "process", "cluster-worker.ts") });
    const workers = Array.from({ length: Math.max(2, availableParallelism()) }, () => cluster.fork());
    let address = "";
    for (const worker of workers) {
      worker.send(formatKeyRing(document));
      [address] = (await once(worker, "message")) as [string];
    }
    const key = buildKeyRing(document).find(keyId);
    if (key === undefined) throw new Error("the key is not in the ring");
    return {
      target: { address, credentials: formatCredentials(credentialsOf(key, { serverId, address })) },
      async [Symbol.asyncDispose]() {
        for (const worker of workers) worker.kill("SIGKILL");
      },
    };
  },

  connect: (target) => sealwireAlone.connect(target),
};
