import type { Client } from "pg";
import type { Logger } from "../../runtime/logger.ts";
import type { ConnectionHook } from "./connection/connector.ts";
import { isDatabaseAway } from "./database-error.ts";
import type { Lease } from "./instance.ts";
import { inTransaction, runStatement } from "./queries.ts";
import { distrustFrames, holdClaims } from "./replay/replay-floor.ts";
import { sql, sqlPlannedAnew } from "./statement.ts";

/**
 * Identifies the table by the ids of its database and file. A restore changes the file. VACUUM FULL changes it as well,
 * which refuses frames unnecessarily for a short time.
 */
const PLACE = `concat_ws('/', (SELECT oid FROM pg_database WHERE datname = current_database()),
  pg_relation_filenode('store_state'))`;
const HERE = sqlPlannedAnew(`SELECT origin AS noted, ${PLACE} AS place FROM store_state`);
/**
 * Identifies the history of the data by the cluster and its timeline, which is incremented by every promotion. It is
 * read from the current WAL file's name, because the control file's timeline is updated only at the next checkpoint.
 */
const HISTORY = sqlPlannedAnew(`
  SELECT concat_ws('/', (SELECT system_identifier FROM pg_control_system()),
    substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)) AS history`);
const LEASE = sql("SELECT FROM instance WHERE instance_id = :id AND expires_at >= to_timestamp(:untilMs / 1000.0)");
const NOTED = sql("SELECT origin AS noted FROM store_state");
const NOTE = sql("UPDATE store_state SET origin = :here");

/** Options of {@link originCheck}. */
export interface OriginCheckOptions {
  /** The lock that claims of nonces hold in shared mode. */
  readonly nonceLock: number;
  /** The last lease that this process has committed. It must still exist. */
  readonly lastLease: () => Lease | undefined;
  readonly logger: Logger;
}

/**
 * Returns a function that detects, on each new connection, a promoted standby or a restored backup. The last accepted
 * nonces may then be missing, so all frames that may have been accepted until now are refused.
 */
export function originCheck({ nonceLock, lastLease, logger }: OriginCheckOptions): ConnectionHook {
  let blind = false;
  /** The end of the missing lease, so that the same loss is handled only once. */
  let missedMs: number | undefined;
  const readHistory = async (client: Client): Promise<string | null> => {
    try {
      const [found] = await runStatement<{ history: string }>(client, HISTORY, {});
      return found?.history ?? null;
    } catch (thrown) {
      // Some database services forbid access to the WAL functions.
      if (isDatabaseAway(thrown)) throw thrown;
      if (!blind) logger.warn({ err: thrown }, "a failover of the database cannot be detected automatically");
      blind = true;
      return null;
    }
  };
  return async (client) => {
    const lease = lastLease();
    const [found] = await runStatement<Found>(client, HERE, {});
    if (found === undefined) return;
    const history = await readHistory(client);
    const isGone = lease !== undefined && (await runStatement(client, LEASE, { ...lease })).length === 0;
    const isLost = (): boolean => isGone && lease.untilMs !== missedMs;
    const here = (noted: string | null) => originOf(noted, history, found.place);
    if (!isLost() && found.noted === here(found.noted)) return;
    const before = await inTransaction(client, async (queries) => {
      await holdClaims(queries, nonceLock);
      // Another process or connection may have handled the change already.
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
  /** The recorded origin; empty if an operator has requested that the frames until now are refused. */
  readonly noted: string | null;
  readonly place: string;
}

/** A user without access to the history keeps the recorded one, which another user may have written. */
function originOf(noted: string | null, history: string | null, place: string): string {
  const notedHistory = noted?.split("/").slice(0, 2).join("/") || "-/-";
  return `${history ?? notedHistory}/${place}`;
}
