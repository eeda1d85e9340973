import type { ClientConfig } from "pg";
import { SealwireError } from "../../errors.ts";

const CONNECT_TIMEOUT_MS = 5_000;
const QUERY_TIMEOUT_MS = 15_000;
const DEFAULT_SCHEMA = "sealwire";
const SCHEMA_NAME = /^[a-z_][a-z0-9_]{0,39}$/;

/** A database as the user names it, ready to connect to. */
export interface ConnectionTarget {
  readonly config: ClientConfig;
  /** The schema that all tables stand in. */
  readonly schema: string;
  /** The database without any secret, for messages. */
  readonly shown: string;
}

/** True if a store is named by a PostgreSQL URL rather than by a path. */
export function isPostgresUrl(store: string): boolean {
  return /^postgres(ql)?:/.test(store);
}

/**
 * Reads `postgres://USER@HOST:PORT/DATABASE?schema=NAME`, with the parameters of libpq for TLS (`sslmode`,
 * `sslrootcert`, `sslcert`, `sslkey`). What it leaves out comes from PGHOST, PGPASSWORD and the like, or ~/.pgpass.
 * Throws OPTIONS_INVALID, never with the password.
 */
export function readTarget(store: string): ConnectionTarget {
  const url = parse(store);
  const schema = url.searchParams.get("schema") ?? DEFAULT_SCHEMA;
  if (!SCHEMA_NAME.test(schema)) {
    throw new SealwireError(
      "OPTIONS_INVALID",
      `The schema "${schema}" cannot be used.\nTake small letters, digits and _, 40 at most.`,
    );
  }
  if (url.searchParams.has("options")) {
    throw new SealwireError("OPTIONS_INVALID", "The store's URL may not set options.\nSet them for the database user.");
  }
  url.searchParams.delete("schema");
  // Otherwise "require" would mean something else here than in psql.
  if (url.searchParams.has("sslmode")) url.searchParams.set("uselibpqcompat", "true");
  return {
    schema,
    shown: `${url.host || "localhost"}${url.pathname}`,
    config: {
      connectionString: url.href,
      application_name: "sealwire",
      // Claims and locks rely on each statement seeing what was committed before it, acknowledgements on the sync.
      options: `-c search_path=${schema} -c default_transaction_isolation=read\\ committed -c synchronous_commit=on`,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      query_timeout: QUERY_TIMEOUT_MS,
      statement_timeout: QUERY_TIMEOUT_MS,
      idle_in_transaction_session_timeout: QUERY_TIMEOUT_MS,
      keepAlive: true,
    },
  };
}

/** True if the URL holds a password, which must not stand where others can read it. */
export function holdsPassword(store: string): boolean {
  const url = parse(store);
  return url.password !== "" || url.searchParams.has("password");
}

function parse(store: string): URL {
  try {
    return new URL(store);
  } catch {
    throw new SealwireError(
      "OPTIONS_INVALID",
      "The store is not a URL such as postgres://USER@HOST:5432/DATABASE.\nWrite special characters in it as %XX.",
    );
  }
}
