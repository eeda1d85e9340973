import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { SealwireError } from "../errors.ts";
import type { WorkOptions } from "../jobs/engine.ts";
import { CONNECTION_LIMITS } from "../jobs/postgres/connection-limits.ts";
import { GRACE_LIMITS, WORK_LIMITS } from "../jobs/work-limits.ts";
import type { ServerTlsOptions } from "../server/options.ts";
import { SERVER_LIMITS, type ServerLimits } from "../server/server-limits.ts";
import { JsonFieldError, JsonFields } from "../signing/key-ring/json-fields.ts";
import { JsonTextError, parseJson } from "../signing/key-ring/json-text.ts";
import { DEFAULT_DATA_FOLDER, dataFolder } from "./data-folder.ts";
import { parseDuration } from "./duration.ts";
import { LOG_LEVELS, type LogLevel } from "./log.ts";
import { namedStore } from "./store-option.ts";
import type { Terminal } from "./terminal.ts";

/** How a server is to run, every default filled in. Names in brackets are those of the configuration file. */
export interface ServeSettings {
  /** [`dev`] Make what is missing and serve the demo tools. Default false. */
  readonly dev: boolean;
  /** [`store`] URL of a shared store. Default: a store in the data folder. */
  readonly store: string | undefined;
  /** [`store_connections_max`] Connections to a shared store, beside one for notifications, 1 to 1,000. Default 10. */
  readonly storeConnectionsMax: number;
  /** [`require_sync_replication`] Use no shared store that does not replicate synchronously. Default false. */
  readonly requireSyncReplication: boolean;
  /** [`server_secret_file`] Server secrets of the key ring in a shared store. Default: the ring is a file. */
  readonly serverSecretFile: string | undefined;
  /** [`data`] Folder of key ring and store. Default ".sealwire". */
  readonly data: string;
  /** [`key_ring`] Default `key-ring.json` in the data folder. */
  readonly keyRing: string;
  /** [`listen`] "HOST:PORT" or "unix:PATH". Default "127.0.0.1:50051". */
  readonly listen: string;
  /** [`reuse_port`] Share the port with processes that say so, too; needs `store`. Default false. */
  readonly reusePort: boolean;
  /** [`tools`] Paths of modules that export `tools` and `descriptors`. Default none. */
  readonly tools: readonly string[];
  /** [`demo_tools`] Serve batch_sum and start_long_task. Default: as `dev`. */
  readonly demoTools: boolean;
  /** [`concurrency`] Jobs run at once, 0 to 10,000, 0 for none. Default 16. */
  readonly concurrency: number;
  /** [`concurrency_per_client`] Jobs of one client run at once, over all processes that share the store, 1 to 10,000. Default: no limit. */
  readonly concurrencyPerClient: number | undefined;
  /** [`reflection`] Default true. */
  readonly reflection: boolean;
  /** [`metrics`] "HOST:PORT" on loopback. Default none. */
  readonly metrics: string | undefined;
  /** [`metrics_public`] Serve metrics beyond loopback: whoever reaches the port reads them. Default false. */
  readonly metricsPublic: boolean;
  /** [`health_file`] File for probes that says SERVING or NOT_SERVING, touched every second. Default none. */
  readonly healthFile: string | undefined;
  /** [`tls`: {`cert`, `key`, `client_ca`}] Default none. */
  readonly tls: ServerTlsOptions | undefined;
  /** [`insecure`] Listen beyond loopback without TLS. Default false. */
  readonly insecure: boolean;
  /** [`log_level`] Default "info". */
  readonly logLevel: LogLevel;
  /** [`drain_timeout`] Such as "10s", the default; 24h at most. */
  readonly drainTimeoutMs: number;
  /** [`drain_delay`] How long calls are still taken after health says NOT_SERVING. Default "0s". */
  readonly drainDelayMs: number;
  /** [`limits`] Those of {@link ServerLimits} by their names in snake_case. */
  readonly limits: Partial<ServerLimits>;
}

/** What the command line says. */
export interface ServeOptions {
  readonly dev?: boolean;
  readonly data?: string;
  readonly store?: string;
  readonly serverSecretFile?: string;
  readonly requireSyncReplication?: boolean;
  readonly keyRing?: string;
  readonly listen?: string;
  readonly reusePort?: boolean;
  readonly config?: string;
  readonly tools?: readonly string[];
  readonly demoTools?: boolean;
  readonly concurrency?: number;
  /** False for `--no-work`. */
  readonly work?: boolean;
  /** False for `--no-reflection`. */
  readonly reflection?: boolean;
  readonly metrics?: string;
  readonly metricsPublic?: boolean;
  readonly healthFile?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsClientCa?: string;
  readonly insecure?: boolean;
  readonly logLevel?: LogLevel;
  readonly drainTimeout?: number;
  readonly drainDelay?: number;
}

type FileSettings = { readonly [name in keyof ServeSettings]?: ServeSettings[name] };

/**
 * Puts the settings together: command line before configuration file before defaults. Paths in the file are relative to
 * its folder. Throws OPTIONS_INVALID naming the setting.
 */
export async function resolveServeSettings(options: ServeOptions, env: Terminal["env"] = {}): Promise<ServeSettings> {
  const file: FileSettings = options.config === undefined ? {} : await readConfig(options.config);
  const data = options.data ?? file.data ?? DEFAULT_DATA_FOLDER;
  const dev = options.dev ?? file.dev ?? false;
  return {
    dev,
    data,
    store: namedStore(options.store, env, file.store),
    storeConnectionsMax: file.storeConnectionsMax ?? 10,
    requireSyncReplication: options.requireSyncReplication ?? file.requireSyncReplication ?? false,
    serverSecretFile: options.serverSecretFile ?? file.serverSecretFile,
    keyRing: options.keyRing ?? file.keyRing ?? dataFolder(data).keyRing,
    listen: options.listen ?? file.listen ?? "127.0.0.1:50051",
    reusePort: options.reusePort ?? file.reusePort ?? false,
    tools: options.tools ?? file.tools ?? [],
    demoTools: options.demoTools ?? file.demoTools ?? dev,
    concurrency: options.work === false ? 0 : (options.concurrency ?? file.concurrency ?? 16),
    concurrencyPerClient: file.concurrencyPerClient,
    reflection: options.reflection === false ? false : (file.reflection ?? true),
    metrics: options.metrics ?? file.metrics,
    metricsPublic: options.metricsPublic ?? file.metricsPublic ?? false,
    healthFile: options.healthFile ?? file.healthFile,
    tls: tlsOf(options) ?? file.tls,
    insecure: options.insecure ?? file.insecure ?? false,
    logLevel: options.logLevel ?? file.logLevel ?? "info",
    drainTimeoutMs: options.drainTimeout ?? file.drainTimeoutMs ?? 10_000,
    drainDelayMs: options.drainDelay ?? file.drainDelayMs ?? 0,
    limits: file.limits ?? {},
  };
}

/** How many jobs are run at once, as servers and workers take it. */
export function workOf({ concurrency, concurrencyPerClient: perOwner }: ServeSettings): WorkOptions | false {
  return concurrency > 0 && { concurrency, ...(perOwner !== undefined && { perOwner }) };
}

function tlsOf({ tlsCert, tlsKey, tlsClientCa }: ServeOptions): ServerTlsOptions | undefined {
  if (tlsCert === undefined && tlsKey === undefined && tlsClientCa === undefined) return undefined;
  if (tlsCert === undefined || tlsKey === undefined) {
    throw new SealwireError(
      "OPTIONS_INVALID",
      "TLS needs a certificate and its key.\nGive both --tls-cert and --tls-key.",
    );
  }
  return {
    certificatePath: tlsCert,
    privateKeyPath: tlsKey,
    ...(tlsClientCa !== undefined && { clientCaPath: tlsClientCa }),
  };
}

async function readConfig(path: string): Promise<FileSettings> {
  try {
    return readFields(new JsonFields(parseJson(await readFile(path))), dirname(resolve(path)));
  } catch (cause) {
    const known = cause instanceof JsonFieldError || cause instanceof JsonTextError;
    const code = (cause as NodeJS.ErrnoException).code;
    if (!known && code === undefined) throw cause;
    const problem = known ? cause.message : `it cannot be read (${code})`;
    throw new SealwireError("OPTIONS_INVALID", `The configuration ${path} is refused: ${problem}.`, { cause });
  }
}

function readFields(fields: JsonFields, folder: string): FileSettings {
  const read = <T>(name: string, reader: (name: string) => T) => (fields.has(name) ? reader(name) : undefined);
  const text = (name: string) => fields.text(name);
  const path = (name: string) => resolve(folder, fields.text(name));
  const flag = (name: string) => fields.boolean(name);
  const timeSpan = (name: string) => {
    const ms = parseDuration(fields.text(name)) ?? Infinity;
    return ms <= GRACE_LIMITS.most ? ms : fields.fail(name, 'must be a time span such as "10s", 24h at most');
  };
  const settings = {
    dev: read("dev", flag),
    data: read("data", path),
    store: read("store", text),
    storeConnectionsMax: read("store_connections_max", (name) => fields.number(name, CONNECTION_LIMITS)),
    requireSyncReplication: read("require_sync_replication", flag),
    serverSecretFile: read("server_secret_file", path),
    keyRing: read("key_ring", path),
    listen: read("listen", text),
    reusePort: read("reuse_port", flag),
    tools: read("tools", (name) => fields.texts(name).map((each) => resolve(folder, each))),
    demoTools: read("demo_tools", flag),
    concurrency: read("concurrency", (name) => fields.number(name, { ...WORK_LIMITS.concurrency, least: 0 })),
    concurrencyPerClient: read("concurrency_per_client", (name) => fields.number(name, WORK_LIMITS.perOwner)),
    reflection: read("reflection", flag),
    metrics: read("metrics", text),
    metricsPublic: read("metrics_public", flag),
    healthFile: read("health_file", path),
    tls: read("tls", (name) => readTls(fields.object(name), folder)),
    insecure: read("insecure", flag),
    logLevel: read("log_level", (name) => fields.oneOf(name, LOG_LEVELS)),
    drainTimeoutMs: read("drain_timeout", timeSpan),
    drainDelayMs: read("drain_delay", timeSpan),
    limits: read("limits", (name) => readLimits(fields.object(name))),
  };
  fields.end();
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}

function readTls(fields: JsonFields, folder: string): ServerTlsOptions {
  const tls = {
    certificatePath: resolve(folder, fields.text("cert")),
    privateKeyPath: resolve(folder, fields.text("key")),
    ...(fields.has("client_ca") && { clientCaPath: resolve(folder, fields.text("client_ca")) }),
  };
  fields.end();
  return tls;
}

function readLimits(fields: JsonFields): Partial<ServerLimits> {
  const limits: Record<string, number> = {};
  for (const [name, range] of Object.entries(SERVER_LIMITS)) {
    const field = name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    if (fields.has(field)) limits[name] = fields.number(field, range);
  }
  fields.end();
  return limits;
}
