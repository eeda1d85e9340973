import type { Client } from "pg";
import type { Logger } from "../../runtime/logger.ts";
import type { Entry } from "./connection/connector.ts";
import { isDatabaseAway, sqlState } from "./database-error.ts";
import type { Lease } from "./instance.ts";
import { inTransaction, run } from "./queries.ts";
import { distrustFrames, holdClaims } from "./replay/replay-floor.ts";
import { sql, sqlPlannedAnew } from "./statement.ts";

/**
 * Where the tables are: the database and the file of this one, which whoever restores makes anew. A VACUUM FULL makes
 * one, too, which costs a needless minute.
 */
const PLACE = `concat_ws('/', (SELECT oid FROM pg_database WHERE datname = current_database()),
  pg_relation_filenode('store_state'))`;
const HERE = sqlPlannedAnew(`SELECT origin AS noted, ${PLACE} AS place FROM store_state`);
/**
 * Whose history the data has: the cluster, and its timeline, which rises with every promotion. The control file's timeline
 * would lag a promotion by a checkpoint; that of the next WAL file does not.
 */
const HISTORY = sqlPlannedAnew(`
  SELECT concat_ws('/', (SELECT system_identifier FROM pg_control_system()),
    substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)) AS history`);
const LEASE = sql("SELECT FROM instance WHERE instance_id = :id AND expires_at >= to_timestamp(:untilMs / 1000.0)");
const NOTED = sql("SELECT origin AS noted FROM store_state");
const NOTE = sql("UPDATE store_state SET origin = :here");

/** What an {@link originCheck} works with. */
export interface OriginCheckOptions {
  /** The lock that claims of nonces hold together. */
  readonly nonceLock: number;
  /** What this process committed last for all it knows, and expects to find again. */
  readonly lastLease: () => Lease | undefined;
  readonly logger: Logger;
}

/**
 * Notices, on a connection before anything else, that the database is not the one it was: a standby was promoted, or a
 * backup restored. Nonces that were accepted last may then be missing, so all frames that could have been accepted until
 * now are refused from here on.
 */
export function originCheck({ nonceLock, lastLease, logger }: OriginCheckOptions): Entry {
  let blind = false;
  /** The end of the lease that was found to be gone, which is acted on once. */
  let missedMs: number | undefined;
  const readHistory = async (client: Client): Promise<string | null> => {
    try {
      const [found] = await run<{ history: string }>(client, HISTORY, {});
      return found?.history ?? null;
    } catch (thrown) {
      // Some services allow nobody to see the WAL.
      if (isDatabaseAway(thrown) && !isForbidden(thrown)) throw thrown;
      if (!blind) logger.warn({ err: thrown }, "a failover of the database cannot be noticed by itself");
      blind = true;
      return null;
    }
  };
  return async (client) => {
    const lease = lastLease();
    const [found] = await run<Found>(client, HERE, {});
    if (found === undefined) return;
    const history = await readHistory(client);
    const isGone = lease !== undefined && (await run(client, LEASE, { ...lease })).length === 0;
    const isLost = (): boolean => isGone && lease.untilMs !== missedMs;
    const here = (noted: string | null) => originOf(noted, history, found.place);
    if (!isLost() && found.noted === here(found.noted)) return;
    const before = await inTransaction(client, async (queries) => {
      await holdClaims(queries, nonceLock);
      // Another process, or another connection of this one, may have been here first.
      const [now] = await queries.all<Pick<Found, "noted">>(NOTED);
      const noted = now?.noted ?? null;
      const isNews = noted !== here(noted);
      const isOurs = isLost();
      if (noted !== null && (isNews || isOurs)) await distrustFrames(queries);
      if (isNews) await queries.all(NOTE, { here: here(noted) });
      return isNews || isOurs ? noted : null;
    });
    if (isGone) missedMs = lease.untilMs;
    if (before !== null) {
      const said = "the database was failed over or restored; frames stamped until now are refused";
      logger.warn({ before, now: here(before) }, said);
    }
  };
}

interface Found {
  /** What was noted last; empty if somebody has asked for the frames until now to be refused. */
  readonly noted: string | null;
  readonly place: string;
}

/** Whoever may not see the history takes what was noted of it: others may. */
function originOf(noted: string | null, history: string | null, place: string): string {
  const notedHistory = noted?.split("/").slice(0, 2).join("/") || "-/-";
  return `${history ?? notedHistory}/${place}`;
}

function isForbidden(thrown: unknown): boolean {
  return sqlState(thrown) === "42501";
}
