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
const DEFAULT_PORT = 5432;
const MOST_HOSTS = 16;

/** One server that may hold the store. */
export interface TargetHost {
  readonly host: string;
  readonly port: number;
}

/** A database as the user names it, ready to connect to. */
export interface ConnectionTarget {
  /** Where it may be, in the order in which they are tried. */
  readonly hosts: readonly TargetHost[];
  /** All else about a connection. */
  readonly config: ClientConfig;
  /** The session's settings, which are made once it is connected: a pooler may drop what a start-up packet says. */
  readonly settings: Readonly<Record<string, string>>;
  /** True if a server that is set to refuse writes is passed over, as a standby always is. */
  readonly needsWritable: boolean;
  /** The schema that all tables stand in. */
  readonly schema: string;
  /** The database without any secret, for messages. */
  readonly shown: string;
  /** Where passwords are looked for that neither the URL nor PGPASSWORD gives. */
  readonly passwordFile: string | undefined;
  /** Those other machines to which connections go in plaintext although nobody asked for that. */
  readonly plaintext: readonly TargetHost[];
}

/** True if a store is named by a PostgreSQL URL rather than by a path. */
export function isPostgresUrl(store: string): boolean {
  return /^postgres(ql)?:/.test(store);
}

/** Where libpq looks. The user of a container may be nobody that the system knows, and have no home. */
function passwordFileAtHome(): string | undefined {
  try {
    return join(homedir(), ".pgpass");
  } catch {
    return undefined;
  }
}

/**
 * Reads `postgres://USER@HOST:PORT,HOST:PORT/DATABASE?schema=NAME` with the parameters of docs/operations.md. What it
 * leaves out comes from PGHOST, PGPASSWORD and the like, or ~/.pgpass. Throws OPTIONS_INVALID, never with the password.
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
      // Claims and locks rely on each statement seeing what was committed before it, acknowledgements on the sync.
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

/** True if the URL holds a password, which must not stand where others can read it. */
export function holdsPassword(store: string): boolean {
  const url = parseStoreUrl(store);
  return url.password !== undefined || url.parameters.some(([name]) => name === "password");
}

/** A server as messages name it. */
export function showHost({ host, port }: TargetHost): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function isLocal(host: string): boolean {
  return host.startsWith("/") || isLoopbackHost(host);
}

/** Where the URL names hosts, those of the environment do not count. */
function withoutPlace(env: Environment, url: StoreUrl): Environment {
  return url.hosts.length === 0 ? env : { ...env, PGHOST: undefined, PGPORT: undefined };
}

function readHosts(url: StoreUrl, { host, port }: ParameterValues): readonly TargetHost[] {
  if (url.hosts.length > 0 && host !== undefined) throw twice("host");
  const named: readonly NamedHost[] = host === undefined ? url.hosts : host.split(",").map((each) => ({ host: each }));
  const hosts = named.length > 0 ? named : [{ host: DEFAULT_HOST }];
  const ports = port?.split(",") ?? [];
  if (ports.length > 1 && ports.length !== hosts.length) {
    throw invalid(`The store's URL has ${ports.length} ports for ${hosts.length} hosts.`, "Give one for each, or one.");
  }
  if (hosts.length > MOST_HOSTS) throw invalid(`The store has ${hosts.length} hosts.`, `${MOST_HOSTS} are the most.`);
  return hosts.map(({ host, port: own }, index) => {
    if (own !== undefined && ports.length > 0) throw twice("port");
    const text = own ?? ports[index] ?? ports[0];
    const number = text === undefined ? DEFAULT_PORT : Number(text);
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
