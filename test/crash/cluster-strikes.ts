import { setTimeout as delay } from "node:timers/promises";
import type { MemberPart } from "../../examples/high-availability/member.ts";
import type { PatroniCluster } from "../../examples/high-availability/patroni-cluster.ts";
import type { Strike, StrikeContext } from "./store-strikes.ts";

/** How long etcd is down: longer than the `ttl` of the example, after which a primary without its lock would end. */
const ETCD_DOWN_MS = 25_000;
/** Time limit for every server to serve again while the former primary is away. */
const SERVED_WITHIN_MS = 90_000;
/** How long the former primary runs again, or goes on, before the next strike, besides the time until it follows. */
const SETTLED_MS = 2_000;

/** A fault of the primary. */
interface PrimaryFault {
  readonly fault: string;
  readonly part: MemberPart;
  readonly signal: "SIGKILL" | "SIGSTOP";
}

const FAULTS: readonly (PrimaryFault | "etcd killed")[] = [
  { fault: "machine killed", part: "machine", signal: "SIGKILL" },
  { fault: "machine frozen", part: "machine", signal: "SIGSTOP" },
  { fault: "postgres killed", part: "postgres", signal: "SIGKILL" },
  { fault: "patroni killed", part: "patroni", signal: "SIGKILL" },
  { fault: "postgres frozen", part: "postgres", signal: "SIGSTOP" },
  "etcd killed",
];

/** The strikes on a cluster, one after the other, each with replays of the frames that were accepted before it. */
export function clusterStrikes(cluster: PatroniCluster, context: StrikeContext): Strike {
  let struck = 0;
  return async () => {
    const next = FAULTS[struck % FAULTS.length];
    struck += 1;
    if (next === undefined) return;
    const beganMs = performance.now();
    const isEtcd = next === "etcd killed";
    const over = isEtcd ? restartEtcd(cluster) : failOver(cluster, next, context);
    await Promise.all([over, context.witness.sendAcceptedAgain(over)]);
    context.faulted(isEtcd ? next : next.fault, beganMs);
  };
}

/** Kills etcd and starts it again after a while. The primary goes on. */
async function restartEtcd(cluster: PatroniCluster): Promise<void> {
  await cluster.etcd.kill();
  await delay(ETCD_DOWN_MS);
  cluster.etcd.start();
  await cluster.whole();
  await delay(SETTLED_MS);
}

/**
 * Strikes the primary, and waits until another member serves all. Then the former primary starts again, or goes on as if it
 * had not been away, and becomes a standby.
 */
async function failOver(
  cluster: PatroniCluster,
  { part, signal }: PrimaryFault,
  context: StrikeContext,
): Promise<void> {
  const before = await cluster.primary();
  await before.signal(part, signal);
  await cluster.primary(cluster.members.filter((member) => member !== before));
  const isServed = await context.witness.servedAgain(SERVED_WITHIN_MS);
  if (!isServed) throw new Error(`a server serves nothing ${SERVED_WITHIN_MS / 1_000} s after a failover`);
  if (signal === "SIGSTOP") await before.signal(part, "SIGCONT");
  else before.start();
  await cluster.whole();
  await delay(SETTLED_MS);
}
