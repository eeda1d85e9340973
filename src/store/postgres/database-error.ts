import { storeUnavailable } from "../../jobs/unavailable.ts";

/**
 * SQLSTATE classes of environment faults, not of faulty statements: connection exception, transaction rollback,
 * insufficient resources, object not in prerequisite state, operator intervention, system error. Source: PostgreSQL
 * manual, appendix A.
 */
const AWAY_CLASSES: ReadonlySet<string> = new Set(["08", "40", "53", "55", "57", "58"]);
const READ_ONLY = "25006";
/**
 * Faults that a running server also treats as temporary, because an operator can fix them: invalid authorization, a
 * read-only server (a replica after a failover), an unknown database, missing tables.
 */
const AWAY_CODES: ReadonlySet<string> = new Set(["28000", "28P01", READ_ONLY, "3D000", "42P01"]);
const NOT_PERMITTED = "42501";
const SQLSTATE = /^[0-9A-Z]{5}$/;

/** The SQLSTATE of a thrown value; `undefined` if it has none. */
export function sqlState(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !("code" in thrown) || !("severity" in thrown)) return undefined;
  return typeof thrown.code === "string" && SQLSTATE.test(thrown.code) ? thrown.code : undefined;
}

/**
 * True if `thrown` means that the database is temporarily unavailable: by its SQLSTATE, or because the connection
 * failed.
 */
export function isDatabaseAway(thrown: unknown): boolean {
  if (!(thrown instanceof Error)) return false;
  const state = sqlState(thrown);
  // Connection errors of the driver and of the system are plain Errors. Programming errors have their own classes.
  if (state === undefined) return thrown.constructor === Error || thrown.constructor === AggregateError;
  return AWAY_CLASSES.has(state.slice(0, 2)) || AWAY_CODES.has(state);
}

/** True if the transaction conflicted with another one and can be repeated. */
export function isLostRace(thrown: unknown): boolean {
  return sqlState(thrown)?.startsWith("40") ?? false;
}

/** True if the server accepts no writes. */
export function isReadOnly(thrown: unknown): boolean {
  return sqlState(thrown) === READ_ONLY;
}

/**
 * True if the user lacks a privilege for a statement. It lasts until somebody grants it, while other statements of the
 * same user succeed.
 */
export function isDenied(thrown: unknown): boolean {
  return sqlState(thrown) === NOT_PERMITTED;
}

/** True if no server answered: the connection broke, or its time limit passed. */
export function isSilence(thrown: unknown): boolean {
  return sqlState(thrown) === undefined && isDatabaseAway(thrown);
}

/** Converts errors of an unavailable database to UNAVAILABLE with a retry delay. Returns other values unchanged. */
export function databaseError(thrown: unknown): unknown {
  return isDatabaseAway(thrown) ? storeUnavailable(thrown) : thrown;
}
