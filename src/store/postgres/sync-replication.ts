import type { Client } from "pg";
import { SealwireError } from "../../errors.ts";

const LOOK = `
  SELECT current_setting('synchronous_standby_names') AS names, current_setting('synchronous_commit') AS commits,
    count(*) FILTER (WHERE sync_state IN ('sync', 'quorum')) AS synced, count(*) FILTER (WHERE sync_state IS NULL) AS hidden
  FROM pg_stat_replication`;

interface Found {
  readonly names: string;
  readonly commits: string;
  readonly synced: number;
  readonly hidden: number;
}

/** Throws STORE_UNUSABLE unless a commit on this connection waits for a synchronous standby. */
export async function checkSyncReplication(client: Client, shown: string): Promise<void> {
  const found = (await client.query<Found>(LOOK)).rows[0];
  if (found === undefined || found.names === "") {
    throw notSynchronous(`synchronous_standby_names of ${shown} is empty.`, "Set it in postgresql.conf, and reload.");
  }
  if (found.commits !== "on" && found.commits !== "remote_apply") {
    throw notSynchronous(
      `synchronous_commit is ${found.commits}.`,
      "A session of the store must be able to set it on.",
    );
  }
  if (found.synced > 0) return;
  if (found.hidden > 0) {
    throw notSynchronous("The user may not see pg_stat_replication.", "GRANT pg_read_all_stats to the store's user.");
  }
  throw notSynchronous(`No standby follows ${shown} synchronously.`, "Start one that synchronous_standby_names names.");
}

function notSynchronous(what: string, toDo: string): SealwireError {
  return new SealwireError("STORE_UNUSABLE", `Synchronous replication is required and not in force: ${what}\n${toDo}`);
}
