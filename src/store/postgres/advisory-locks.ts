import { createHash } from "node:crypto";
import type { Queries } from "./queries.ts";
import { sql } from "./statement.ts";

const LOCK_ALL = sql("SELECT pg_advisory_xact_lock(:space, key) FROM unnest(:keys::integer[]) AS key");

/** The purpose of an advisory lock. Each schema has its own locks. */
export type LockPurpose = "requests" | "caps" | "nonces";

/** The first of the two lock keys of a purpose. */
export function lockSpace(schema: string, purpose: LockPurpose): number {
  return hash(`sealwire ${schema} ${purpose}`);
}

/**
 * Locks owners until the end of the transaction. The lock order is fixed, so that transactions cannot deadlock. The
 * following statements see the commits of earlier lock holders.
 */
export async function lockOwners(queries: Queries, space: number, owners: Iterable<string>): Promise<void> {
  const keys = [...new Set([...owners].map(hash))].sort((one, other) => one - other);
  await queries.all(LOCK_ALL, { space, keys });
}

function hash(text: string): number {
  return createHash("sha256").update(text).digest().readInt32BE();
}
