import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { SealwireError } from "../../errors.ts";
import { JsonFieldError, JsonFields } from "../../files/json-fields.ts";
import { JsonTextError, parseJson } from "../../files/json-text.ts";
import { GRACE_LIMITS, WORK_LIMITS } from "../../jobs/work-limits.ts";
import type { ServerTlsOptions } from "../../server/options.ts";
import { SERVER_LIMITS, type ServerLimits } from "../../server/server-limits.ts";
import { CONNECTION_LIMITS } from "../../store/postgres/connection/connection-limits.ts";
import { JOB_TRACES, SAMPLED_LIMITS } from "../../tracing/tracing.ts";
import { LOG_LEVELS } from "../output/log.ts";
import { parseDuration } from "./duration.ts";
import { readMcpServers } from "./mcp-server-settings.ts";
import { resolveServerSecrets } from "./server-secrets.ts";
import type { FileSettings } from "./settings.ts";
import { readUpstreams } from "./upstream-settings.ts";

/** The name of standard output as the place of the audit log. */
const STANDARD_OUTPUT = "-";

/**
 * Reads a configuration file. Paths in it are relative to its folder. Throws OPTIONS_INVALID naming the file and the
 * setting.
 */
export async function readConfig(path: string): Promise<FileSettings> {
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
    serverSecretFile: read("server_secret_file", (name) => resolveServerSecrets(fields.text(name), folder)),
    keyRing: read("key_ring", path),
    listen: read("listen", text),
    reusePort: read("reuse_port", flag),
    tools: read("tools", (name) => fields.texts(name).map((each) => resolve(folder, each))),
    upstreams: read("upstreams", (name) => readUpstreams(fields.object(name), folder)),
    mcpServers: read("mcp_servers", (name) => readMcpServers(fields.object(name), folder)),
    mcpPin: read("mcp_pin", path),
    demoTools: read("demo_tools", flag),
    concurrency: read("concurrency", (name) => fields.number(name, { ...WORK_LIMITS.concurrency, least: 0 })),
    concurrencyPerClient: read("concurrency_per_client", (name) => fields.number(name, WORK_LIMITS.perOwner)),
    operatorPayloads: read("operator_payloads", flag),
    reflection: read("reflection", flag),
    metrics: read("metrics", text),
    metricsPublic: read("metrics_public", flag),
    otel: read("otel", flag),
    otelSampledCallsPerSecond: read("otel_sampled_calls_per_second", (name) => fields.number(name, SAMPLED_LIMITS)),
    otelJobTraces: read("otel_job_traces", (name) => fields.oneOf(name, JOB_TRACES)),
    console: read("console", text),
    consoleReadOnly: read("console_read_only", flag),
    consoleTokenFile: read("console_token_file", path),
    healthFile: read("health_file", path),
    audit: read("audit", (name) => (text(name) === STANDARD_OUTPUT ? STANDARD_OUTPUT : path(name))),
    auditRequired: read("audit_required", flag),
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
