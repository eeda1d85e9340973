import { checkWorkOptions } from "../jobs/work-limits.ts";
import { type Clock, systemClock } from "../runtime/clock.ts";
import { type Logger, silentLogger } from "../runtime/logger.ts";
import type { KeyRingSource } from "../signing/key-ring/types.ts";
import type { Store } from "../store/store.ts";
import type { ToolImplementation } from "../tools/implement.ts";
import type { ToolSource } from "../tools/tool-source.ts";
import type { TracingOptions } from "../tracing/tracing.ts";
import type { UpstreamOptions } from "../upstream/options.ts";
import type { AuditOptions } from "./audit/options.ts";
import type { CallObserver } from "./request/access-log.ts";
import { resolveLimits, type ServerLimits } from "./server-limits.ts";

/** Certificate files in PEM format, which are reloaded when they change. */
export interface ServerTlsOptions {
  readonly certificatePath: string;
  readonly privateKeyPath: string;
  /** If set, clients must present a certificate that this CA signed (mTLS). */
  readonly clientCaPath?: string;
}

/** Options of `SealwireServer.listen`. */
export interface ListenOptions {
  /**
   * Allows further processes of the same user to listen at this port, if each sets this option. The kernel distributes
   * the connections among them. The processes must share the key ring and the store: a nonce that only one process
   * knows does not prevent a replay at another. Not available for unix sockets, nor on systems without SO_REUSEPORT.
   * Default false.
   */
  readonly reusePort?: boolean;
}

/** Options of `createService`. */
export interface ServiceOptions {
  /** The keys of the clients, and the id of this server. Not disposed with the server. */
  readonly keyRing: KeyRingSource;
  /** Stores nonces, intents and jobs. Not disposed with the server. */
  readonly store: Store;
  /** Implemented services; see `implement`. */
  readonly tools: readonly ToolImplementation[];
  /**
   * Serialized FileDescriptorSets of the tools' services, from `buf build --as-file-descriptor-set`. Those of the demo
   * tools and system tools are built in.
   */
  readonly descriptors?: readonly Uint8Array[];
  /** gRPC servers in any language whose methods are offered as tools, too. Default none. */
  readonly upstreams?: readonly UpstreamOptions[];
  /** Offer tools that they run themselves, such as those of `openMcpServers`. Not disposed with the server. Default none. */
  readonly sources?: readonly ToolSource[];
  /**
   * Maximum number of jobs that run at once in this process, and of one client in all processes, 1 to 10,000. `false`
   * runs none. Default: 16, and no limit per client.
   */
  readonly work?: { readonly concurrency: number; readonly perOwner?: number } | false;
  /** Lets keys of operators see arguments and results of all jobs. Default false. */
  readonly operatorPayloads?: boolean;
  /** Serves grpc.health.v1.Health. Default true. */
  readonly health?: boolean;
  /** Serves gRPC reflection, for grpcurl and buf curl. Default true. */
  readonly reflection?: boolean;
  readonly limits?: Partial<ServerLimits>;
  /** Keeps an audit log. Default: none. */
  readonly audit?: AuditOptions;
  /** Called with the id of the key of each accepted request. */
  readonly onKeyUsed?: (keyId: string) => void;
  /**
   * How the server takes part in traces; `false`: not at all. Spans are made for the OpenTelemetry provider that the
   * process has registered (docs/telemetry.md). Default: as {@link TracingOptions} says.
   */
  readonly tracing?: TracingOptions | false;
  /** Observe each call, in addition to the log; see `createMetrics`. */
  readonly observers?: readonly CallObserver[];
  readonly logger?: Logger;
  readonly clock?: Clock;
}

/** Options of `createServer`. */
export interface ServerOptions extends ServiceOptions {
  readonly tls?: ServerTlsOptions;
  /**
   * Allows the server to listen beyond loopback without TLS. Requests are signed, but anyone on the network path can
   * read them.
   */
  readonly insecurePlaintext?: boolean;
}

/** {@link ServiceOptions} with all defaults filled in. */
export interface ResolvedServiceOptions extends Required<Omit<ServiceOptions, "limits" | "audit">> {
  readonly audit: AuditOptions | undefined;
  readonly limits: ServerLimits;
}

/** Options that apply to all addresses of a server. */
export interface ListeningOptions {
  readonly tls: ServerTlsOptions | undefined;
  readonly insecurePlaintext: boolean;
}

/** Fills in defaults and checks every value. Throws OPTIONS_INVALID naming the option. */
export function resolveServiceOptions(options: ServiceOptions): ResolvedServiceOptions {
  const limits = resolveLimits(options.limits);
  const work = options.work ?? { concurrency: 16 };
  if (work !== false) checkWorkOptions(work, "work.");
  return {
    keyRing: options.keyRing,
    store: options.store,
    tools: options.tools,
    descriptors: options.descriptors ?? [],
    upstreams: options.upstreams ?? [],
    sources: options.sources ?? [],
    work,
    operatorPayloads: options.operatorPayloads ?? false,
    health: options.health ?? true,
    reflection: options.reflection ?? true,
    limits,
    audit: options.audit,
    onKeyUsed: options.onKeyUsed ?? (() => {}),
    tracing: options.tracing ?? {},
    observers: options.observers ?? [],
    logger: options.logger ?? silentLogger,
    clock: options.clock ?? systemClock,
  };
}

/** Fills in the defaults of the listening options. */
export function resolveListening({ tls, insecurePlaintext = false }: ServerOptions): ListeningOptions {
  return { tls, insecurePlaintext };
}
