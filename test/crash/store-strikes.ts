import { setTimeout as delay } from "node:timers/promises";
import type { PostgresServer } from "../support/postgres-server.ts";
import { clusterStrikes } from "./cluster-strikes.ts";
import { harmFiles } from "./file-harms.ts";
import type { PostgresPair } from "./postgres-pair.ts";
import type { Dice } from "./seeded-random.ts";
import type { Site } from "./site.ts";
import { LIMITABLE, limitFileSize } from "./victim-log.ts";

/** Injects one fault into the store or an upstream of a site. Resolves when it is usable again. */
export type Strike = (dice: Dice) => Promise<void>;

/** Sends frames to the servers of a site while faults are injected into its store. */
export interface Witness {
  /** Stops expecting data that the store held before. */
  storeRenewed(): void;
  /** Sends some fresh frames; resolves when they are answered. */
  sendFresh(): Promise<void>;
  /** Checks that every server accepts new frames of every client again within the limit. */
  servedAgain(withinMs: number): Promise<boolean>;
  /** Replays the latest of the frames that were accepted so far to every server, until `over` resolves. */
  sendAcceptedAgain(over: Promise<unknown>): Promise<void>;
  /** Replays the latest frames to every server for this time. */
  sendLatestAgain(forMs: number): Promise<void>;
  /**
   * Checks that within this time no server accepts new frames, unless `over` returns true because the servers have
   * ended.
   */
  refusedWithin(withinMs: number, over: () => boolean): Promise<void>;
}

/** Context of a strike, besides the site. */
export interface StrikeContext {
  readonly witness: Witness;
  count(fault: string, times?: number): void;
  /** Records a fault that began at `beganMs` and is over, in milliseconds of the driver's clock. */
  faulted(fault: string, beganMs: number): void;
  /** The ids of the running processes. */
  pids(): readonly number[];
  /** Records that the current content of the store may be lost. */
  lost(how: string): void;
  /** Records that the store was renewed and must keep its promises from now on. */
  renewed(): void;
  /**
   * Kills every process and runs `act` before the next ones start, which have faults of their own unless they are to be
   * `unharmed`. Resolves when they start.
   */
  betweenLives(act: () => void, next?: "unharmed"): Promise<void>;
}

/** File size limit of a process while its disk counts as full. */
const FULL_BYTES = 8_192;
/** How long a standby falls behind, in milliseconds. */
const BEHIND_MS = [300, 2_500] as const;
/** How long old frames are replayed after the standby has taken over, in milliseconds. */
const REPLAYING_MS = 3_000;

/** The strikes on the store or the upstreams of a site. */
export function strikesOn(site: Site, context: StrikeContext): Strike {
  const { scenario, postgres, pair, cluster, storePath, upstreams } = site;
  if (cluster !== undefined) return clusterStrikes(cluster, context);
  if (upstreams !== undefined) return (dice) => upstreams.strike(dice, scenario.ends, context.count);
  if (pair !== undefined) {
    const failOver = scenario.strikes === "failover" ? failOverWhole : failOverBehind;
    return async (dice) => {
      if (dice.chance(0.3)) await killConnections(pair.primary, dice, context);
      await failOver(pair, dice, context);
    };
  }
  if (postgres !== undefined)
    return (dice) => (dice.chance(0.3) ? restart(postgres, dice, context) : killConnections(postgres, dice, context));
  if (scenario.strikes === "files") return (dice) => harmFiles(storePath, dice, context);
  return (dice) => fillDisk(dice.between(200, 800), context);
}

/** Limits the file size of the processes for a while, which they observe as a full disk. */
async function fillDisk(forMs: number, { count, pids }: StrikeContext): Promise<void> {
  const [pid] = pids();
  if (!LIMITABLE || pid === undefined || !limitFileSize(pid, FULL_BYTES)) return;
  count("full disks");
  await delay(forMs);
  limitFileSize(pid, "unlimited");
}

async function restart(postgres: PostgresServer, dice: Dice, { count }: StrikeContext): Promise<void> {
  postgres.crash();
  await delay(dice.between(0, 1_000));
  postgres.startAgain();
  count("database restarts");
}

async function killConnections(postgres: PostgresServer, dice: Dice, { count }: StrikeContext): Promise<void> {
  await using client = await postgres.connect("sealwire");
  const { rowCount } = await client.query(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'sealwire%' AND random() < $1",
    [dice.fraction()],
  );
  count("connections killed", rowCount ?? 0);
}

/**
 * Fails over to a standby that has all acknowledged commits. No commit succeeds until the next standby has caught up.
 */
async function failOverWhole(pair: PostgresPair, _dice: Dice, { count, witness }: StrikeContext): Promise<void> {
  pair.failOver();
  count("failovers");
  await Promise.all([witness.sendLatestAgain(REPLAYING_MS), pair.rebuild()]);
}

/** Fails over to a standby that lacks the latest commits. */
async function failOverBehind(pair: PostgresPair, dice: Dice, context: StrikeContext): Promise<void> {
  const { count, witness, lost, renewed } = context;
  lost("a standby that was behind took over");
  pair.cutReplication();
  await Promise.all([delay(dice.between(...BEHIND_MS)), witness.sendFresh()]);
  pair.failOver();
  renewed();
  count("failovers with loss");
  await Promise.all([witness.sendLatestAgain(REPLAYING_MS), pair.rebuild()]);
}
