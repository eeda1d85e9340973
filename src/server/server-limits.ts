import { SealwireError } from "../errors.ts";
import { checkNumber, type NumberRange } from "../runtime/number-range.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from "../runtime/time-span.ts";
import { CANONICAL_RETRIES_PER_SECOND, MAX_AGE_MS, MAX_AHEAD_MS } from "../signing/request/verify.ts";
import { MAX_REQUEST_BYTES } from "../wire/limits.ts";

/** Limits of one server process. The key ring contains the limits of each client. */
export interface ServerLimits {
  /** Maximum number of open connections. Further ones are closed. Default 1,000. */
  readonly connectionsMax: number;
  /**
   * Maximum number of open connections from one address. Behind a load balancer all clients have the same address.
   * Default 1,000,000.
   */
  readonly connectionsPerPeerMax: number;
  /** Maximum time of the TLS handshake, and then of the HTTP/2 preface, in milliseconds. Default 10 s. */
  readonly handshakeTimeoutMs: number;
  /** Maximum number of open calls on one connection. Default 1,000. */
  readonly streamsPerConnectionMax: number;
  /** Maximum memory of unverified requests, in bytes. At the limit, large requests wait. Default 128 MiB. */
  readonly unverifiedBytesMax: number;
  /** Maximum number of open health watches and reflection streams. Default 100. */
  readonly anonymousCallsMax: number;
  /** Maximum number of open health watches and reflection streams of one connection. Default 10. */
  readonly anonymousCallsPerConnectionMax: number;
  /** Maximum time that a health watch or reflection stream may stay open, in milliseconds. Default 5 min. */
  readonly anonymousCallTimeoutMs: number;
  /** Maximum time in which a request must arrive, in milliseconds. Default 10 s. */
  readonly requestTimeoutMs: number;
  /** Maximum time of a call, in milliseconds. Default 60 s. */
  readonly callTimeoutMs: number;
  /**
   * Maximum time that a handler may still run after its call was stopped, in milliseconds. After that its outcome
   * counts as unknown. Default 10 s.
   */
  readonly cancelGraceMs: number;
  /**
   * Number of handlers of one tool that still run after `cancelGraceMs`. At this number, further calls of the tool are
   * refused. Default 8.
   */
  readonly overdueHandlersMax: number;
  /** Maximum time that a watch or a call stream may stay open, in milliseconds. Default 15 min. */
  readonly watchTimeoutMs: number;
  /**
   * Maximum number of calls in flight on one call stream. At the limit, no further frames are read. Long-polls that
   * wait do not count. Default 64.
   */
  readonly callsPerStreamMax: number;
  /** Maximum number of open call streams of one key. Default 100. */
  readonly callStreamsPerKeyMax: number;
  /** Maximum age of `ts_ms`, in milliseconds, up to 10 min. Default 300 s. */
  readonly maxAgeMs: number;
  /** Maximum time that `ts_ms` may be ahead of the server's clock, in milliseconds. Default 60 s. */
  readonly maxAheadMs: number;
  /**
   * Second tries in canonical form, of 4 KiB each, per second and key. All unknown keys together have a tenth. 0
   * disables them. Default 50.
   */
  readonly canonicalRetriesPerSecond: number;
  /** Maximum age of a connection before its client is asked to reconnect, in milliseconds. Default 1 h. */
  readonly connectionAgeMaxMs: number;
  /** Idle time after which a connection is probed, in milliseconds. Default 60 s. */
  readonly keepaliveIntervalMs: number;
  /** Maximum time for the answer to a probe, in milliseconds. Default 20 s. */
  readonly keepaliveTimeoutMs: number;
}

/** The default, minimum and maximum of a limit. */
export interface LimitRange extends NumberRange {
  readonly default: number;
}

/** Node.js fires timers above 2^31-1 ms immediately. grpc-js adds up to a tenth to the maximum age of a connection. */
const AGE_MOST_MS = 14 * DAY_MS;

/** The range of each limit, for limits from a file and from code. */
export const SERVER_LIMITS: Readonly<Record<keyof ServerLimits, LimitRange>> = {
  connectionsMax: { default: 1000, least: 1, most: 1_000_000 },
  connectionsPerPeerMax: { default: 1_000_000, least: 1, most: 1_000_000 },
  handshakeTimeoutMs: { default: 10 * SECOND_MS, least: 1, most: HOUR_MS },
  streamsPerConnectionMax: { default: 1000, least: 1, most: 100_000 },
  unverifiedBytesMax: { default: 128 * 1024 * 1024, least: MAX_REQUEST_BYTES, most: 64 * 1024 ** 3 },
  anonymousCallsMax: { default: 100, least: 1, most: 1_000_000 },
  anonymousCallsPerConnectionMax: { default: 10, least: 1, most: 100_000 },
  anonymousCallTimeoutMs: { default: 5 * MINUTE_MS, least: 1, most: DAY_MS },
  requestTimeoutMs: { default: 10 * SECOND_MS, least: 1, most: HOUR_MS },
  callTimeoutMs: { default: MINUTE_MS, least: 1, most: DAY_MS },
  cancelGraceMs: { default: 10 * SECOND_MS, least: 1, most: HOUR_MS },
  overdueHandlersMax: { default: 8, least: 1, most: 10_000 },
  watchTimeoutMs: { default: 15 * MINUTE_MS, least: 1, most: DAY_MS },
  callsPerStreamMax: { default: 64, least: 1, most: 10_000 },
  callStreamsPerKeyMax: { default: 100, least: 1, most: 100_000 },
  // Each nonce is stored for this time.
  maxAgeMs: { default: MAX_AGE_MS, least: 1, most: 10 * MINUTE_MS },
  maxAheadMs: { default: MAX_AHEAD_MS, least: 0, most: 10 * MINUTE_MS },
  canonicalRetriesPerSecond: { default: CANONICAL_RETRIES_PER_SECOND, least: 0, most: 1_000_000 },
  connectionAgeMaxMs: { default: HOUR_MS, least: 1, most: AGE_MOST_MS },
  keepaliveIntervalMs: { default: MINUTE_MS, least: 1, most: DAY_MS },
  keepaliveTimeoutMs: { default: 20 * SECOND_MS, least: 1, most: HOUR_MS },
};

/** The default of each limit. */
export const DEFAULT_SERVER_LIMITS = Object.fromEntries(
  Object.entries(SERVER_LIMITS).map(([name, range]) => [name, range.default]),
) as unknown as ServerLimits;

/** Fills in the defaults. Throws OPTIONS_INVALID naming the limit that is unknown or out of range. */
export function resolveLimits(limits: Partial<ServerLimits> = {}): ServerLimits {
  const given = Object.entries(limits).filter(([, value]) => value !== undefined);
  for (const [name, value] of given) {
    const range = Object.hasOwn(SERVER_LIMITS, name) ? SERVER_LIMITS[name as keyof ServerLimits] : undefined;
    if (range === undefined) {
      const known = Object.keys(SERVER_LIMITS).join(", ");
      throw new SealwireError("OPTIONS_INVALID", `limits.${name} is not a limit; the limits are ${known}.`);
    }
    checkNumber(`limits.${name}`, value, range);
  }
  return { ...DEFAULT_SERVER_LIMITS, ...Object.fromEntries(given) };
}
