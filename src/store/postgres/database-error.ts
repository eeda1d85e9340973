import { storeUnavailable } from "../../jobs/unavailable.ts";

/**
 * Classes of SQLSTATE that speak of the database's surroundings, not of a faulty statement: connection exception,
 * transaction rollback, insufficient resources, object not in prerequisite state, operator intervention, system error.
 * Source: PostgreSQL manual, appendix A.
 */
const AWAY_CLASSES: ReadonlySet<string> = new Set(["08", "40", "53", "55", "57", "58"]);
const READ_ONLY = "25006";
/**
 * What a running server waits for, too, since an operator may mend it: invalid authorization, a read-only server (a
 * replica after a failover), an unknown database, rights or tables that were taken away.
 */
const AWAY_CODES: ReadonlySet<string> = new Set(["28000", "28P01", READ_ONLY, "3D000", "42501", "42P01"]);
const SQLSTATE = /^[0-9A-Z]{5}$/;

/** The SQLSTATE of a thrown value, `undefined` if the server did not send one. */
export function sqlState(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !("code" in thrown) || !("severity" in thrown)) return undefined;
  return typeof thrown.code === "string" && SQLSTATE.test(thrown.code) ? thrown.code : undefined;
}

/** True if `thrown` means that the database cannot be asked just now: its answer says so, or the connection failed. */
export function isDatabaseAway(thrown: unknown): boolean {
  if (!(thrown instanceof Error)) return false;
  const state = sqlState(thrown);
  // What pg and the system throw of connections has no class of its own; faults of ours have.
  if (state === undefined) return thrown.constructor === Error || thrown.constructor === AggregateError;
  return AWAY_CLASSES.has(state.slice(0, 2)) || AWAY_CODES.has(state);
}

/** True if the transaction lost against another one and may simply be run again. */
export function isLostRace(thrown: unknown): boolean {
  return sqlState(thrown)?.startsWith("40") ?? false;
}

/** True if the server takes no writes. */
export function isReadOnly(thrown: unknown): boolean {
  return sqlState(thrown) === READ_ONLY;
}

/** UNAVAILABLE with a delay if the database is away; anything else as it is. */
export function databaseError(thrown: unknown): unknown {
  return isDatabaseAway(thrown) ? storeUnavailable(thrown) : thrown;
}
