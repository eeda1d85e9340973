import { setTimeout as delay } from "node:timers/promises";
import type { PostgresServer } from "../support/postgres-server.ts";
import { harmFiles } from "./file-harms.ts";
import type { PostgresPair } from "./postgres-pair.ts";
import type { Dice } from "./seeded-random.ts";
import type { Site } from "./site.ts";
import { LIMITABLE, limitFileSize } from "./victim-log.ts";

/** Strikes what the processes of a site store in, once; resolves when it is whole again. */
export type Strike = (dice: Dice) => Promise<void>;

/** Who sends frames to the servers of a site while its store is struck. */
export interface Witness {
  /** Expects nothing any more of what the store held before. */
  storeRenewed(): void;
  /** Sends some fresh frames; resolves when they are answered. */
  sendFresh(): Promise<void>;
  /** Sends the latest frames to every server again and again for so long. */
  sendLatestAgain(forMs: number): Promise<void>;
  /** Sees that no server accepts fresh frames any more, that late at the most, unless `over` says that they are gone. */
  refusedWithin(withinMs: number, over: () => boolean): Promise<void>;
}

/** What a strike works with beside the site. */
export interface StrikeContext {
  readonly witness: Witness;
  count(fault: string, times?: number): void;
  /** The processes that run. */
  pids(): readonly number[];
  /** Says that what the store holds by now may be gone. */
  lost(how: string): void;
  /** Says that the store may be held to everything that it says from now on. */
  renewed(): void;
  /** Kills every process and does something before the next ones start; resolves when they have. */
  betweenLives(act: () => void): Promise<void>;
}

/** A file of a process is not to grow beyond this while its disk is full. */
const FULL_BYTES = 8_192;
/** How far a standby falls behind, in milliseconds. */
const BEHIND_MS = [300, 2_500] as const;
/** For how long old frames are sent again once the standby has taken over, in milliseconds. */
const REPLAYING_MS = 3_000;

/** The strikes on the store of a site. */
export function strikesOn({ scenario, postgres, pair, storePath }: Site, context: StrikeContext): Strike {
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

/** Lets no file of a process grow for a while: to it, that is a full disk. */
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

/** The standby has everything that was acknowledged. Until the next one follows, nothing can be committed. */
async function failOverWhole(pair: PostgresPair, _dice: Dice, { count, witness }: StrikeContext): Promise<void> {
  pair.failOver();
  count("failovers");
  await Promise.all([witness.sendLatestAgain(REPLAYING_MS), pair.rebuild()]);
}

/** The standby lacks the latest. */
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
