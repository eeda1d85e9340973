import type { Client } from "pg";
import type { Logger } from "../../runtime/logger.ts";
import type { Entry } from "./connector.ts";
import { isDatabaseAway, sqlState } from "./database-error.ts";
import { inTransaction, run } from "./queries.ts";
import { distrustFrames, holdClaims } from "./replay-floor.ts";
import { type Statement, sql, sqlPlannedAnew } from "./statement.ts";

/**
 * Where the data has come from: the cluster, its timeline, which rises with every promotion, and the very table, which
 * pg_restore makes anew. The control file's timeline would lag a promotion by a checkpoint; that of the next WAL file
 * does not.
 */
const HERE = sqlPlannedAnew(`
  SELECT origin AS noted, concat_ws('/',
    (SELECT system_identifier FROM pg_control_system()),
    substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8), 'store_state'::regclass::oid
  ) AS here FROM store_state`);
const NOTED = sql("SELECT origin AS noted FROM store_state");
const NOTE = sql("UPDATE store_state SET origin = :here");

/** What an {@link originCheck} works with. */
export interface OriginCheckOptions {
  /** The lock that claims of nonces hold together. */
  readonly nonceLock: number;
  readonly logger: Logger;
}

/**
 * Notices, on each new connection before anything else, that the database is not the one it was: a standby was promoted,
 * or a backup restored. Nonces that were accepted last may then be missing, so all frames that could have been accepted
 * until now are refused from here on.
 */
export function originCheck({ nonceLock, logger }: OriginCheckOptions): Entry {
  let blind = false;
  return async (client) => {
    const found = await look(client).catch(async (thrown): Promise<Found> => {
      // Some services allow nobody to see the WAL.
      if (isDatabaseAway(thrown) && !isForbidden(thrown)) throw thrown;
      if (!blind) logger.warn({ err: thrown }, "a failover of the database cannot be noticed by itself");
      blind = true;
      return { noted: await readNoted((statement) => run(client, statement, {})), here: null };
    });
    if (!isNews(found)) return;
    const before = await inTransaction(client, async (queries) => {
      await holdClaims(queries, nonceLock);
      // Another process may have been here first.
      const noted = await readNoted((statement) => queries.all(statement));
      if (!isNews({ ...found, noted })) return null;
      if (noted !== null) await distrustFrames(queries);
      await queries.all(NOTE, { here: found.here });
      return noted;
    });
    if (before !== null) {
      const said = "the database was failed over or restored; frames stamped until now are refused";
      logger.warn({ before, now: found.here }, said);
    }
  };
}

interface Found {
  /** What was noted last; empty if somebody has asked for the frames until now to be refused. */
  readonly noted: string | null;
  /** `null` where nobody may see it. */
  readonly here: string | null;
}

async function look(client: Client): Promise<Found> {
  const [found] = await run<Found>(client, HERE, {});
  return found ?? { noted: null, here: null };
}

async function readNoted(
  all: (statement: Statement) => Promise<{ readonly noted: string | null }[]>,
): Promise<string | null> {
  return (await all(NOTED))[0]?.noted ?? null;
}

function isNews({ noted, here }: Found): boolean {
  return here === null ? noted === "" : noted !== here;
}

function isForbidden(thrown: unknown): boolean {
  return sqlState(thrown) === "42501";
}
