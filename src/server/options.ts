import { SealwireError } from "../errors.ts";
import type { Store } from "../jobs/store.ts";
import { type Clock, systemClock } from "../runtime/clock.ts";
import { type Logger, silentLogger } from "../runtime/logger.ts";
import type { KeyRingSource } from "../signing/key-ring/types.ts";
import type { ToolImplementation } from "../tools/implement.ts";
import { MAX_REQUEST_BYTES } from "../wire/limits.ts";
import type { CallObserver } from "./call-record.ts";

/** Certificate files in PEM; read again when they change. */
export interface ServerTlsOptions {
  readonly certificatePath: string;
  readonly privateKeyPath: string;
  /** If set, callers must present a certificate that this CA signed (mTLS). */
  readonly clientCaPath?: string;
}

/** Limits of one server process; the limits of each caller stand in the key ring. */
export interface ServerLimits {
  /** Connections open at once; further ones are closed. Default 1,000. */
  readonly connectionsMax: number;
  /** Calls open at once on one connection. Default 1,000. */
  readonly streamsPerConnectionMax: number;
  /** Bytes of requests being read that are not verified yet; further requests wait. Default 128 MiB. */
  readonly unverifiedBytesMax: number;
  /** Health and reflection calls open at once. Default 100. */
  readonly anonymousCallsMax: number;
  /** How long a request may take to arrive whole, in milliseconds. Default 10 s. */
  readonly requestTimeoutMs: number;
  /** How long a call may take, in milliseconds. Default 60 s. */
  readonly callTimeoutMs: number;
  /** How long a watch or a call stream may stay open, in milliseconds. Default 15 min. */
  readonly watchTimeoutMs: number;
  /** Calls in flight on one call stream; no further ones are read meanwhile. Polls that wait do not count. Default 64. */
  readonly callsPerStreamMax: number;
  /** Call streams open at once for one key. Default 100. */
  readonly callStreamsPerKeyMax: number;
  /** How old `ts_ms` may be, in milliseconds; 10 min at most. Default 300 s. */
  readonly maxAgeMs: number;
  /** How far ahead `ts_ms` may be, in milliseconds. Default 60 s. */
  readonly maxAheadMs: number;
  /** Canonical second tries per second over all callers; 0 switches them off. Default 50. */
  readonly canonicalRetriesPerSecond: number;
  /** How long a connection may live before its client is asked to reconnect, in milliseconds. Default 1 h. */
  readonly connectionAgeMaxMs: number;
  /** Silence after which a connection is probed, in milliseconds. Default 60 s. */
  readonly keepaliveIntervalMs: number;
  /** How long a probe may stay unanswered, in milliseconds. Default 20 s. */
  readonly keepaliveTimeoutMs: number;
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

/** What a server is made of. */
export interface ServerOptions {
  /** Who may call; its `serverId` is this server's name. Not disposed with the server. */
  readonly keyRing: KeyRingSource;
  /** Where nonces, intents and jobs are kept. Not disposed with the server. */
  readonly store: Store;
  /** Implemented services; see `implement`. */
  readonly tools: readonly ToolImplementation[];
  /** Serialized FileDescriptorSets that hold the tools' services, from `buf build --as-file-descriptor-set`. The demo's and system's are built in. */
  readonly descriptors?: readonly Uint8Array[];
  /** Jobs run at once in this process, and most of them for one client; `false` runs none. Default 16 and 16. */
  readonly work?: { readonly concurrency: number; readonly perOwner?: number } | false;
  readonly tls?: ServerTlsOptions;
  /** Lets the server listen beyond loopback without TLS. Requests are signed, but everybody on the way can read them. */
  readonly insecurePlaintext?: boolean;
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

/** Options with every default filled in. */
export interface ResolvedServerOptions extends Required<Omit<ServerOptions, "tls" | "limits">> {
  readonly tls: ServerTlsOptions | undefined;
  readonly limits: ServerLimits;
}

const MINUTE_MS = 60_000;
const MAX_AGE_MOST_MS = 10 * MINUTE_MS;

/** The limits of a server that names none. */
export const DEFAULT_SERVER_LIMITS: ServerLimits = {
  connectionsMax: 1000,
  streamsPerConnectionMax: 1000,
  unverifiedBytesMax: 128 * 1024 * 1024,
  anonymousCallsMax: 100,
  requestTimeoutMs: 10_000,
  callTimeoutMs: MINUTE_MS,
  watchTimeoutMs: 15 * MINUTE_MS,
  callsPerStreamMax: 64,
  callStreamsPerKeyMax: 100,
  maxAgeMs: 5 * MINUTE_MS,
  maxAheadMs: MINUTE_MS,
  canonicalRetriesPerSecond: 50,
  connectionAgeMaxMs: 60 * MINUTE_MS,
  keepaliveIntervalMs: MINUTE_MS,
  keepaliveTimeoutMs: 20_000,
};

/** Fills in defaults and checks every value. Throws OPTIONS_INVALID naming the option. */
export function resolveServerOptions(options: ServerOptions): ResolvedServerOptions {
  const limits: ServerLimits = { ...DEFAULT_SERVER_LIMITS, ...options.limits };
  for (const [name, value] of Object.entries(limits)) {
    const least = name === "canonicalRetriesPerSecond" || name === "maxAheadMs" ? 0 : 1;
    if (!Number.isSafeInteger(value) || value < least) {
      throw new SealwireError(
        "OPTIONS_INVALID",
        `limits.${name} is ${value}; it must be a whole number of at least ${least}.`,
      );
    }
  }
  if (limits.maxAgeMs > MAX_AGE_MOST_MS) {
    throw new SealwireError(
      "OPTIONS_INVALID",
      `limits.maxAgeMs is ${limits.maxAgeMs}; it must be ${MAX_AGE_MOST_MS} at most, since every nonce is remembered for as long.`,
    );
  }
  if (limits.unverifiedBytesMax < MAX_REQUEST_BYTES) {
    throw new SealwireError(
      "OPTIONS_INVALID",
      `limits.unverifiedBytesMax must hold one request, ${MAX_REQUEST_BYTES} bytes or more.`,
    );
  }
  const work = options.work ?? { concurrency: 16 };
  if (work !== false && !(Number.isSafeInteger(work.concurrency) && work.concurrency >= 1)) {
    throw new SealwireError(
      "OPTIONS_INVALID",
      `work.concurrency is ${work.concurrency}; it must be a whole number of at least 1.`,
    );
  }
  return {
    keyRing: options.keyRing,
    store: options.store,
    tools: options.tools,
    descriptors: options.descriptors ?? [],
    work,
    tls: options.tls,
    insecurePlaintext: options.insecurePlaintext ?? false,
    reflection: options.reflection ?? true,
    limits,
    onKeyUsed: options.onKeyUsed ?? (() => {}),
    observers: options.observers ?? [],
    logger: options.logger ?? silentLogger,
    clock: options.clock ?? systemClock,
  };
}
