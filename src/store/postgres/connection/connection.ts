import { homedir } from "node:os";
import { join } from "node:path";
import type { ClientConfig } from "pg";
import { SealwireError } from "../../../errors.ts";
import { type Environment, systemEnvironment } from "../../../runtime/environment.ts";
import { isLoopbackHost } from "../../../runtime/loopback-host.ts";
import { type NamedHost, parseStoreUrl, type StoreUrl } from "./store-url.ts";
import { readTls } from "./tls-settings.ts";
import { type ParameterValues, readParameters } from "./url-parameters.ts";

const DEFAULT_CONNECT_TIMEOUT_S = 5;
const QUERY_TIMEOUT_MS = 15_000;
const DEFAULT_SCHEMA = "sealwire";
const DEFAULT_HOST = "localhost";
const DEFAULT_POSTGRES_PORT = 5432;
const MOST_HOSTS = 16;

/** A server on which the store may be. */
export interface TargetHost {
  readonly host: string;
  readonly port: number;
}

/** The connection parameters of a database, resolved from its URL and the environment. */
export interface ConnectionTarget {
  /** The servers, in the order in which they are tried. */
  readonly hosts: readonly TargetHost[];
  /** The driver's configuration, without host and port. */
  readonly config: ClientConfig;
  /** Session settings. They are set after connecting, because a pooler may ignore those in the startup packet. */
  readonly settings: Readonly<Record<string, string>>;
  /** True if a server with default_transaction_read_only is skipped. A standby is always skipped. */
  readonly needsWritable: boolean;
  /** The schema of all tables. */
  readonly schema: string;
  /** The database's name for messages, without secrets. */
  readonly shown: string;
  /** The password file, used if neither the URL nor PGPASSWORD contains a password. */
  readonly passwordFile: string | undefined;
  /** Remote hosts to which connections are unencrypted although plaintext was not requested. */
  readonly plaintext: readonly TargetHost[];
}

/** True if a store's name is a PostgreSQL URL and not a path. */
export function isPostgresUrl(store: string): boolean {
  return /^postgres(ql)?:/.test(store);
}

/** The default path of libpq. In a container the user may have no entry in the user database and no home. */
function passwordFileAtHome(): string | undefined {
  try {
    return join(homedir(), ".pgpass");
  } catch {
    return undefined;
  }
}

/**
 * Parses `postgres://USER@HOST:PORT,HOST:PORT/DATABASE?schema=NAME` with the parameters of docs/operations.md. Missing
 * parts come from PGHOST, PGPASSWORD and similar variables, or ~/.pgpass. Throws OPTIONS_INVALID, which never contains
 * the password.
 */
export function readTarget(store: string, env: Environment = systemEnvironment): ConnectionTarget {
  const url = parseStoreUrl(store);
  const parameters = readParameters(url.parameters, withoutPlace(env, url));
  const { schema = DEFAULT_SCHEMA, connect_timeout: timeout } = parameters;
  const hosts = readHosts(url, parameters);
  const user = once("user", url.user, parameters.user);
  const password = once("password", url.password, parameters.password) ?? (env.PGPASSWORD || undefined);
  const database = once("dbname", url.database, parameters.dbname);
  return {
    hosts,
    schema,
    shown: `${hosts.map(showHost).join(",")}/${database ?? env.PGDATABASE ?? ""}`,
    passwordFile: env.PGPASSFILE || passwordFileAtHome(),
    plaintext: parameters.sslmode === undefined ? hosts.filter(({ host }) => !isLocal(host)) : [],
    needsWritable: parameters.target_session_attrs !== "primary",
    settings: {
      search_path: schema,
      // Claims and locks require that each statement sees earlier commits. Acknowledgements require synchronous
      // commits.
      default_transaction_isolation: "read committed",
      synchronous_commit: "on",
      statement_timeout: `${QUERY_TIMEOUT_MS / 1000}s`,
      idle_in_transaction_session_timeout: `${QUERY_TIMEOUT_MS / 1000}s`,
    },
    config: {
      ...(user !== undefined && { user }),
      ...(password !== undefined && { password }),
      ...(database !== undefined && { database }),
      ssl: readTls(parameters),
      connectionTimeoutMillis: Number(timeout ?? DEFAULT_CONNECT_TIMEOUT_S) * 1000,
      query_timeout: QUERY_TIMEOUT_MS,
      keepAlive: true,
    },
  };
}

/** True if the URL contains a password, which must not be visible to others. */
export function holdsPassword(store: string): boolean {
  const url = parseStoreUrl(store);
  return url.password !== undefined || url.parameters.some(([name]) => name === "password");
}

/** A server's name in messages. */
export function showHost({ host, port }: TargetHost): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function isLocal(host: string): boolean {
  return host.startsWith("/") || isLoopbackHost(host);
}

/** If the URL names hosts, those of the environment are ignored. */
function withoutPlace(env: Environment, url: StoreUrl): Environment {
  return url.hosts.length === 0 ? env : { ...env, PGHOST: undefined, PGPORT: undefined };
}

function readHosts(url: StoreUrl, { host, port }: ParameterValues): readonly TargetHost[] {
  if (url.hosts.length > 0 && host !== undefined) throw twice("host");
  const named: readonly NamedHost[] = host === undefined ? url.hosts : host.split(",").map((each) => ({ host: each }));
  const hosts = named.length > 0 ? named : [{ host: DEFAULT_HOST }];
  const ports = port?.split(",") ?? [];
  if (ports.length > 1 && ports.length !== hosts.length) {
    throw invalid(
      `The store's URL has ${ports.length} ports for ${hosts.length} hosts.`,
      "Give one port, or one per host.",
    );
  }
  if (hosts.length > MOST_HOSTS) throw invalid(`The store has ${hosts.length} hosts.`, `Give at most ${MOST_HOSTS}.`);
  return hosts.map(({ host, port: own }, index) => {
    if (own !== undefined && ports.length > 0) throw twice("port");
    const text = own ?? ports[index] ?? ports[0];
    const number = text === undefined ? DEFAULT_POSTGRES_PORT : Number(text);
    if (host === "") throw invalid("A host of the store is empty.", "Give names or addresses, separated by commas.");
    if (!(number >= 1 && number <= 65_535))
      throw invalid(`The store's port ${text} does not exist.`, "Take 1 to 65535.");
    return { host, port: number };
  });
}

function once(name: string, one: string | undefined, other: string | undefined): string | undefined {
  if (one !== undefined && other !== undefined) throw twice(name);
  return one ?? other;
}

function twice(name: string): SealwireError {
  return invalid(`The store's URL gives ${name} twice.`, "Keep one of them.");
}

function invalid(what: string, toDo: string): SealwireError {
  return new SealwireError("OPTIONS_INVALID", `${what}\n${toDo}`);
}
