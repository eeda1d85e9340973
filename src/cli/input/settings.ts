import type { ServerTlsOptions } from "../../server/options.ts";
import type { ServerLimits } from "../../server/server-limits.ts";
import type { TracingOptions } from "../../tracing/tracing.ts";
import type { UpstreamOptions } from "../../upstream/options.ts";
import type { LogLevel } from "../output/log.ts";
import type { McpServerSetting } from "./mcp-server-settings.ts";

/** The settings of a server with all defaults. Names in brackets are those in the configuration file. */
export interface ServeSettings {
  /** [`dev`] Creates missing files and serves the demo tools. Default false. */
  readonly dev: boolean;
  /** [`store`] URL of a shared store. Default: a store in the data folder. */
  readonly store: string | undefined;
  /**
   * [`store_connections_max`] Maximum number of connections to a shared store, besides one for notifications, 1 to
   * 1,000. Default 10.
   */
  readonly storeConnectionsMax: number;
  /** [`require_sync_replication`] Refuses a shared store that does not replicate synchronously. Default false. */
  readonly requireSyncReplication: boolean;
  /**
   * [`server_secret_file`] Server secrets of the key ring in a shared store: a file, or `exec:COMMAND`, which prints
   * them. Default: the ring is a file.
   */
  readonly serverSecretFile: string | undefined;
  /** [`data`] Folder of key ring and store. Default ".sealwire". */
  readonly data: string;
  /** [`key_ring`] Default `key-ring.json` in the data folder. */
  readonly keyRing: string;
  /** [`listen`] "HOST:PORT" or "unix:PATH". Default "127.0.0.1:50051". */
  readonly listen: string;
  /** [`reuse_port`] Shares the port with other processes that set this option; needs `store`. Default false. */
  readonly reusePort: boolean;
  /** [`tools`] Paths of modules that export `tools` and `descriptors`. Default none. */
  readonly tools: readonly string[];
  /** [`upstreams`] gRPC servers whose methods are offered as tools, by name; {@link UpstreamOptions} in snake_case. Default none. */
  readonly upstreams: readonly UpstreamOptions[];
  /** [`mcp_servers`] MCP servers whose tools are offered, by name. Default none. */
  readonly mcpServers: readonly McpServerSetting[];
  /** [`mcp_pin`] File with the accepted definitions of their tools. Default: each start accepts what is listed. */
  readonly mcpPin: string | undefined;
  /** [`demo_tools`] Serves batch_sum and start_long_task. Default: as `dev`. */
  readonly demoTools: boolean;
  /** [`concurrency`] Maximum number of concurrent jobs, 0 to 10,000; 0 runs none. Default 16. */
  readonly concurrency: number;
  /**
   * [`concurrency_per_client`] Maximum number of concurrent jobs of one client in all processes that share the store, 1
   * to 10,000. Default: no limit.
   */
  readonly concurrencyPerClient: number | undefined;
  /** [`operator_payloads`] Lets keys of operators see arguments and results of all jobs. Default false. */
  readonly operatorPayloads: boolean;
  /** [`reflection`] Default true. */
  readonly reflection: boolean;
  /** [`metrics`] "HOST:PORT" on loopback. Default none. */
  readonly metrics: string | undefined;
  /** [`metrics_public`] Serves metrics beyond loopback, to anyone who can reach the port. Default false. */
  readonly metricsPublic: boolean;
  /** [`otel`] Sends traces by OTLP. Default false. */
  readonly otel: boolean;
  /** [`otel_sampled_calls_per_second`] See {@link TracingOptions}. Default 100. */
  readonly otelSampledCallsPerSecond: number;
  /** [`otel_job_traces`] See {@link TracingOptions}. Default "linked". */
  readonly otelJobTraces: NonNullable<TracingOptions["jobTraces"]>;
  /**
   * [`console`] "HOST:PORT" of the web console; beyond loopback it needs `tls` and `consoleTokenFile`. Default: none,
   * "127.0.0.1:0" with `dev`.
   */
  readonly console: string | undefined;
  /** [`console_read_only`] Makes everybody who uses the console a viewer. Default false. */
  readonly consoleReadOnly: boolean;
  /** [`console_token_file`] Those who sign in to the console with tokens of their own. Default: one-time URLs. */
  readonly consoleTokenFile: string | undefined;
  /** [`health_file`] File for probes that contains SERVING or NOT_SERVING, touched every second. Default none. */
  readonly healthFile: string | undefined;
  /** [`audit`] File of the audit log, or "-" for standard output. Default none. */
  readonly audit: string | undefined;
  /** [`audit_required`] Begins nothing that has a line while the audit log cannot be written. Default false. */
  readonly auditRequired: boolean;
  /** [`tls`: {`cert`, `key`, `client_ca`}] Default none. */
  readonly tls: ServerTlsOptions | undefined;
  /** [`insecure`] Listens beyond loopback without TLS. Default false. */
  readonly insecure: boolean;
  /** [`log_level`] Default "info". */
  readonly logLevel: LogLevel;
  /** [`drain_timeout`] Such as "10s", the default; 24h at most. */
  readonly drainTimeoutMs: number;
  /** [`drain_delay`] How long calls are still accepted after health reports NOT_SERVING. Default "0s". */
  readonly drainDelayMs: number;
  /** [`limits`] The {@link ServerLimits}, with names in snake_case. */
  readonly limits: Partial<ServerLimits>;
}

/** The settings in a configuration file. */
export type FileSettings = { readonly [name in keyof ServeSettings]?: ServeSettings[name] };
