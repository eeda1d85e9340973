import { createHash } from "node:crypto";
import type { Queries } from "./queries.ts";
import { sql } from "./statement.ts";

const LOCK_ALL = sql("SELECT pg_advisory_xact_lock(:space, key) FROM unnest(:keys::integer[]) AS key");

/** What locks are about; each schema has its own. */
export type LockPurpose = "requests" | "caps" | "nonces";

/** The first half of the advisory locks of a purpose. */
export function lockSpace(schema: string, purpose: LockPurpose): number {
  return hash(`sealwire ${schema} ${purpose}`);
}

/**
 * Locks owners until the end of the transaction, always in the same order, so that two transactions never wait for
 * each other. The statements after it see what the holders before have committed.
 */
export async function lockOwners(queries: Queries, space: number, owners: Iterable<string>): Promise<void> {
  const keys = [...new Set([...owners].map(hash))].sort((one, other) => one - other);
  await queries.all(LOCK_ALL, { space, keys });
}

function hash(text: string): number {
  return createHash("sha256").update(text).digest().readInt32BE();
}
