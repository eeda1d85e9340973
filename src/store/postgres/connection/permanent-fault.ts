import { SealwireError } from "../../../errors.ts";
import { sqlState } from "../database-error.ts";
import { SESSION_MODE } from "./session.ts";

/** A permanent fault: its reason and its fix. */
interface PermanentFault {
  readonly reason: "OPTIONS_INVALID" | "STORE_INCOMPATIBLE";
  readonly toDo: string;
}

const WHO = "Check the store's user and password, and pg_hba.conf.";
const TABLES = "Run `sealwire store migrate` with the same store, or give ?schema=NAME of a schema of its own.";

/** Source of the codes: PostgreSQL manual, appendix A. */
const BY_STATE: Readonly<Record<string, PermanentFault>> = {
  "28000": { reason: "OPTIONS_INVALID", toDo: WHO },
  "28P01": { reason: "OPTIONS_INVALID", toDo: WHO },
  "3D000": { reason: "OPTIONS_INVALID", toDo: "Name an existing database, or create it with CREATE DATABASE." },
  "42501": {
    reason: "OPTIONS_INVALID",
    toDo: "Grant it to the user, or connect as the owner of the schema: docs/operations.md has the SQL for both.",
  },
  "26000": { reason: "STORE_INCOMPATIBLE", toDo: SESSION_MODE },
  "42P05": { reason: "STORE_INCOMPATIBLE", toDo: SESSION_MODE },
  "42P01": { reason: "STORE_INCOMPATIBLE", toDo: TABLES },
  "42P07": { reason: "STORE_INCOMPATIBLE", toDo: TABLES },
  "42710": { reason: "STORE_INCOMPATIBLE", toDo: TABLES },
  "42723": { reason: "STORE_INCOMPATIBLE", toDo: TABLES },
  "42703": { reason: "STORE_INCOMPATIBLE", toDo: TABLES },
  "42804": { reason: "STORE_INCOMPATIBLE", toDo: TABLES },
  "42883": { reason: "STORE_INCOMPATIBLE", toDo: TABLES },
  "42809": { reason: "STORE_INCOMPATIBLE", toDo: TABLES },
};

/** Faults that the operator must fix and that poolers report as a protocol violation, 08P01. */
const POOLER_SAYS =
  /unsupported startup parameter|no such (user|database)|password authentication failed|not allowed|SSL required|no authentication/i;
/** Errors of the driver itself, which have no code. */
const DRIVER_SAYS: readonly (readonly [RegExp, string])[] = [
  [/does not support SSL/, "Enable TLS in the server, or set sslmode=disable."],
];
/** Codes of OpenSSL and Node for a rejected certificate. */
const CERTIFICATE =
  /^(CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|ERR_TLS_CERT_|ERR_SSL_|ERR_OSSL_|HOSTNAME_MISMATCH|INVALID_CA)/;

/** True if a retry cannot succeed. */
export function isPermanent(thrown: unknown): boolean {
  return faultOf(thrown) !== undefined;
}

/** The error for a permanent fault; `undefined` if the fault may be temporary. */
export function permanentFault(thrown: unknown, shown: string): SealwireError | undefined {
  const fault = faultOf(thrown);
  if (fault === undefined) return undefined;
  const what = `The database ${shown} cannot be used: ${(thrown as Error).message}.`;
  return new SealwireError(fault.reason, `${what}\n${fault.toDo}`, { cause: thrown });
}

function faultOf(thrown: unknown): PermanentFault | undefined {
  if (!(thrown instanceof Error)) return undefined;
  const state = sqlState(thrown);
  if (state === "08P01" && POOLER_SAYS.test(thrown.message)) {
    return { reason: "OPTIONS_INVALID", toDo: "Check the user, the database and the settings of the pooler." };
  }
  if (state !== undefined) return BY_STATE[state];
  if ("code" in thrown && typeof thrown.code === "string" && CERTIFICATE.test(thrown.code)) {
    return { reason: "OPTIONS_INVALID", toDo: "Check sslrootcert, and the name in the server's certificate." };
  }
  const [, toDo] = DRIVER_SAYS.find(([pattern]) => pattern.test(thrown.message)) ?? [];
  return toDo === undefined ? undefined : { reason: "OPTIONS_INVALID", toDo };
}
