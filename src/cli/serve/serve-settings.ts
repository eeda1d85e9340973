import { SealwireError } from "../../errors.ts";
import type { WorkOptions } from "../../jobs/engine.ts";
import type { ServerTlsOptions } from "../../server/options.ts";
import { SAMPLED_CALLS_PER_SECOND, type TracingOptions } from "../../tracing/tracing.ts";
import { readConfig } from "../input/config-file.ts";
import { dataFolder } from "../input/data-folder.ts";
import { type LocationOptions, resolveLocation } from "../input/location.ts";
import { mcpServersOf } from "../input/mcp-server-settings.ts";
import type { FileSettings, ServeSettings } from "../input/settings.ts";
import { upstreamsOf } from "../input/upstream-settings.ts";
import type { LogLevel } from "../output/log.ts";
import type { Terminal } from "../output/terminal.ts";

/** Options of `serve` and `work`. */
export interface ServeOptions extends LocationOptions {
  readonly dev?: boolean;
  readonly requireSyncReplication?: boolean;
  readonly listen?: string;
  readonly reusePort?: boolean;
  readonly tools?: readonly string[];
  readonly upstream?: readonly string[];
  readonly upstreamDescriptors?: readonly string[];
  readonly mcpServer?: readonly string[];
  readonly mcpEnv?: readonly string[];
  readonly mcpToken?: readonly string[];
  readonly mcpJob?: readonly string[];
  readonly mcpTrustAnnotations?: readonly string[];
  readonly mcpPerClient?: readonly string[];
  readonly mcpPin?: string;
  readonly demoTools?: boolean;
  /** Id of the servers; only of `work`. */
  readonly serverId?: string;
  readonly concurrency?: number;
  /** False for `--no-work`. */
  readonly work?: boolean;
  readonly operatorPayloads?: boolean;
  /** False for `--no-reflection`. */
  readonly reflection?: boolean;
  readonly metrics?: string;
  readonly metricsPublic?: boolean;
  readonly otel?: boolean;
  /** False for `--no-console`. */
  readonly console?: string | false;
  readonly consoleReadOnly?: boolean;
  readonly consoleTokenFile?: string;
  readonly healthFile?: string;
  readonly audit?: string;
  readonly auditRequired?: boolean;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsClientCa?: string;
  readonly insecure?: boolean;
  readonly logLevel?: LogLevel;
  readonly drainTimeout?: number;
  readonly drainDelay?: number;
}

/**
 * Resolves the settings. The command line overrides the configuration file, which overrides the defaults. Paths in the
 * file are relative to its folder. Throws OPTIONS_INVALID naming the setting.
 */
export async function resolveServeSettings(options: ServeOptions, env: Terminal["env"] = {}): Promise<ServeSettings> {
  const file: FileSettings = options.config === undefined ? {} : await readConfig(options.config);
  const { data, store, keyRing, serverSecretFile } = resolveLocation({ options, env, file });
  const dev = options.dev ?? file.dev ?? false;
  if (dev && serverSecretFile !== undefined) throw noDevRing(serverSecretFile.source);
  return {
    dev,
    data: data.value,
    store: store?.value,
    storeConnectionsMax: file.storeConnectionsMax ?? 10,
    requireSyncReplication: options.requireSyncReplication ?? file.requireSyncReplication ?? false,
    serverSecretFile: serverSecretFile?.value,
    keyRing: keyRing?.value ?? dataFolder(data.value).keyRing,
    listen: options.listen ?? file.listen ?? "127.0.0.1:50051",
    reusePort: options.reusePort ?? file.reusePort ?? false,
    tools: options.tools ?? file.tools ?? [],
    upstreams: upstreamsOf(options.upstream, options.upstreamDescriptors) ?? file.upstreams ?? [],
    mcpServers: mcpServersOf(options) ?? file.mcpServers ?? [],
    mcpPin: options.mcpPin ?? file.mcpPin,
    demoTools: options.demoTools ?? file.demoTools ?? dev,
    concurrency: options.work === false ? 0 : (options.concurrency ?? file.concurrency ?? 16),
    concurrencyPerClient: file.concurrencyPerClient,
    operatorPayloads: options.operatorPayloads ?? file.operatorPayloads ?? false,
    reflection: options.reflection === false ? false : (file.reflection ?? true),
    metrics: options.metrics ?? file.metrics,
    metricsPublic: options.metricsPublic ?? file.metricsPublic ?? false,
    otel: options.otel ?? file.otel ?? false,
    otelSampledCallsPerSecond: file.otelSampledCallsPerSecond ?? SAMPLED_CALLS_PER_SECOND,
    otelJobTraces: file.otelJobTraces ?? "linked",
    console: consoleOf(options, file, dev),
    consoleReadOnly: options.consoleReadOnly ?? file.consoleReadOnly ?? false,
    consoleTokenFile: options.consoleTokenFile ?? file.consoleTokenFile,
    healthFile: options.healthFile ?? file.healthFile,
    audit: options.audit ?? file.audit,
    auditRequired: options.auditRequired ?? file.auditRequired ?? false,
    tls: tlsOf(options) ?? file.tls,
    insecure: options.insecure ?? file.insecure ?? false,
    logLevel: options.logLevel ?? file.logLevel ?? "info",
    drainTimeoutMs: options.drainTimeout ?? file.drainTimeoutMs ?? 10_000,
    drainDelayMs: options.drainDelay ?? file.drainDelayMs ?? 0,
    limits: file.limits ?? {},
  };
}

/** How the process takes part in traces, in the form that servers and workers accept. */
export function tracingOf({ otelSampledCallsPerSecond, otelJobTraces }: ServeSettings): TracingOptions {
  return { sampledCallsPerSecond: otelSampledCallsPerSecond, jobTraces: otelJobTraces };
}

/** The concurrency limits in the form that servers and workers accept. */
export function workOf({ concurrency, concurrencyPerClient: perOwner }: ServeSettings): WorkOptions | false {
  return concurrency > 0 && { concurrency, ...(perOwner !== undefined && { perOwner }) };
}

/** Where the console is served. A server for development has one, unless it is told not to. */
function consoleOf({ console: given }: ServeOptions, file: FileSettings, dev: boolean): string | undefined {
  if (given === false) return undefined;
  return given ?? file.console ?? (dev ? "127.0.0.1:0" : undefined);
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

function noDevRing(source: string): SealwireError {
  const toDo = "Leave --dev out, and make keys with `sealwire keys add`; or leave the server secrets out.";
  const what = `--dev makes a key ring in a file, and ${source} belongs to one in a database.`;
  return new SealwireError("OPTIONS_INVALID", `${what}\n${toDo}`);
}
