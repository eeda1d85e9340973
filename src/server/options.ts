import { checkWorkOptions } from "../jobs/work-limits.ts";
import { type Clock, systemClock } from "../runtime/clock.ts";
import { type Logger, silentLogger } from "../runtime/logger.ts";
import type { KeyRingSource } from "../signing/key-ring/types.ts";
import type { Store } from "../store/store.ts";
import type { ToolImplementation } from "../tools/implement.ts";
import type { CallObserver } from "./request/access-log.ts";
import { resolveLimits, type ServerLimits } from "./server-limits.ts";

/** Certificate files in PEM; read again when they change. */
export interface ServerTlsOptions {
  readonly certificatePath: string;
  readonly privateKeyPath: string;
  /** If set, callers must present a certificate that this CA signed (mTLS). */
  readonly clientCaPath?: string;
}

/** How to listen at one address. */
export interface ListenOptions {
  /**
   * Lets further processes of the same user listen at this port, if each says so; the kernel deals the connections out
   * among them. Give them one key ring and one store that processes share: nonces and jobs that the others do not know
   * are no protection. Not for unix sockets, nor where the system has no such thing. Default false.
   */
  readonly reusePort?: boolean;
}

/** What Sealwire's part of a server is made of. */
export interface ServiceOptions {
  /** Who may call; its `serverId` is this server's name. Not disposed with the server. */
  readonly keyRing: KeyRingSource;
  /** Where nonces, intents and jobs are kept. Not disposed with the server. */
  readonly store: Store;
  /** Implemented services; see `implement`. */
  readonly tools: readonly ToolImplementation[];
  /** Serialized FileDescriptorSets that hold the tools' services, from `buf build --as-file-descriptor-set`. The demo's and system's are built in. */
  readonly descriptors?: readonly Uint8Array[];
  /** Jobs run at once in this process, and most of them for one client over all processes, 1 to 10,000; `false` runs none. Default 16 and no limit. */
  readonly work?: { readonly concurrency: number; readonly perOwner?: number } | false;
  /** Serves grpc.health.v1.Health. Default true. */
  readonly health?: boolean;
  /** Serves gRPC reflection, for grpcurl and buf curl. Default true. */
  readonly reflection?: boolean;
  readonly limits?: Partial<ServerLimits>;
  /** Called with the id of each key that passed verification. */
  readonly onKeyUsed?: (keyId: string) => void;
  /** Told of each call, beside the log; see `createMetrics`. */
  readonly observers?: readonly CallObserver[];
  readonly logger?: Logger;
  readonly clock?: Clock;
}

/** What a server is made of. */
export interface ServerOptions extends ServiceOptions {
  readonly tls?: ServerTlsOptions;
  /** Lets the server listen beyond loopback without TLS. Requests are signed, but everybody on the way can read them. */
  readonly insecurePlaintext?: boolean;
}

/** Options of the service with every default filled in. */
export interface ResolvedServiceOptions extends Required<Omit<ServiceOptions, "limits">> {
  readonly limits: ServerLimits;
}

/** How a server listens at each of its addresses. */
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
    work,
    health: options.health ?? true,
    reflection: options.reflection ?? true,
    limits,
    onKeyUsed: options.onKeyUsed ?? (() => {}),
    observers: options.observers ?? [],
    logger: options.logger ?? silentLogger,
    clock: options.clock ?? systemClock,
  };
}

/** Fills in how to listen. */
export function resolveListening({ tls, insecurePlaintext = false }: ServerOptions): ListeningOptions {
  return { tls, insecurePlaintext };
}
