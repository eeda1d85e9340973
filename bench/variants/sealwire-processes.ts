import { type ChildProcess, fork } from "node:child_process";
import cluster from "node:cluster";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { systemRandom } from "../../src/runtime/random.ts";
import { addKey, newKeyRing } from "../../src/signing/key-ring/changes.ts";
import { credentialsOf, formatCredentials } from "../../src/signing/key-ring/credentials.ts";
import { formatKeyRing } from "../../src/signing/key-ring/document.ts";
import { buildKeyRing } from "../../src/signing/key-ring/key-ring.ts";
import type { Task } from "../process/shared-port-process.ts";
import { type SealwireTarget, sealwire } from "./sealwire.ts";
import { stores } from "./sealwire-stores.ts";
import type { Variant } from "./variant.ts";

const WORKER = join(import.meta.dirname, "..", "process", "shared-port-process.ts");
const CONNECTIONS = 4;
const MILLION = 1_000_000;

/** One process with a store in memory, called over as many connections as the cluster. */
export const sealwireAlone = sealwire({
  title: "one process",
  openStore: stores.memory.open,
  connections: CONNECTIONS,
});

/** Several processes on a port that node:cluster shares. */
export const sealwireCluster = sharedPort({
  title: "node:cluster",
  start() {
    cluster.setupPrimary({ exec: WORKER });
    return cluster.fork().process;
  },
});

/** Several processes on a port that the kernel shares. */
export const sealwireReusePort = sharedPort({ title: "reusePort", reusePort: true, start: () => fork(WORKER) });

interface SharedPort {
  readonly title: string;
  readonly reusePort?: boolean;
  /** Starts one process. */
  start(): ChildProcess;
}

/**
 * As many processes as cores, each with its own store in memory. This measures the processes only. In production they
 * must share a store: otherwise a frame that one process has accepted can be replayed to another.
 */
function sharedPort({ title, reusePort = false, start }: SharedPort): Variant<SealwireTarget> {
  return {
    title,
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
      const keyRing = formatKeyRing(document);
      const processes = Array.from({ length: Math.max(2, availableParallelism()) }, start);
      let address = "127.0.0.1:0";
      for (const each of processes) {
        each.send({ keyRing, reusePort, listen: reusePort ? address : "127.0.0.1:0" } satisfies Task);
        [address] = (await once(each, "message")) as [string];
      }
      const key = buildKeyRing(document).find(keyId);
      if (key === undefined) throw new Error("the key is not in the ring");
      return {
        target: { address, credentials: formatCredentials(credentialsOf(key, { serverId, address })) },
        async [Symbol.asyncDispose]() {
          for (const each of processes) each.kill("SIGKILL");
        },
      };
    },

    connect: (target) => sealwireAlone.connect(target),
  };
}
