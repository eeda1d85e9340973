import { SealwireError } from "../errors.ts";
import { checkNumber, type NumberRange } from "../runtime/number-range.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from "../runtime/time-span.ts";
import { CANONICAL_RETRIES_PER_SECOND, MAX_AGE_MS, MAX_AHEAD_MS } from "../signing/request/verify.ts";
import { MAX_REQUEST_BYTES } from "../wire/limits.ts";

/** Limits of one server process; the limits of each caller stand in the key ring. */
export interface ServerLimits {
  /** Connections open at once; further ones are closed. Default 1,000. */
  readonly connectionsMax: number;
  /** Those from one address; behind a balancer or proxy all clients have the same one. Default 1,000,000. */
  readonly connectionsPerPeerMax: number;
  /** How long the TLS handshake may take, and then the start of HTTP/2, in milliseconds. Default 10 s. */
  readonly handshakeTimeoutMs: number;
  /** Calls open at once on one connection. Default 1,000. */
  readonly streamsPerConnectionMax: number;
  /** Bytes of requests being read that are not verified yet; large ones wait for room. Default 128 MiB. */
  readonly unverifiedBytesMax: number;
  /** Health watches and reflection streams open at once. Default 100. */
  readonly anonymousCallsMax: number;
  /** Those of one connection. Default 10. */
  readonly anonymousCallsPerConnectionMax: number;
  /** How long one of them may stay open, in milliseconds. Default 5 min. */
  readonly anonymousCallTimeoutMs: number;
  /** How long a request may take to arrive whole, in milliseconds. Default 10 s. */
  readonly requestTimeoutMs: number;
  /** How long a call may take, in milliseconds. Default 60 s. */
  readonly callTimeoutMs: number;
  /** How long a tool may run on after its call was stopped, in milliseconds, before its outcome counts as unknown. Default 10 s. */
  readonly cancelGraceMs: number;
  /** Handlers of one tool that run on after that; with so many it takes no further calls. Default 8. */
  readonly overdueHandlersMax: number;
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
  /** Canonical second tries, of 4 KiB each, per second and key; all unknown keys have a tenth. 0 switches them off. Default 50. */
  readonly canonicalRetriesPerSecond: number;
  /** How long a connection may live before its client is asked to reconnect, in milliseconds. Default 1 h. */
  readonly connectionAgeMaxMs: number;
  /** Silence after which a connection is probed, in milliseconds. Default 60 s. */
  readonly keepaliveIntervalMs: number;
  /** How long a probe may stay unanswered, in milliseconds. Default 20 s. */
  readonly keepaliveTimeoutMs: number;
}

/** The default of a limit and the smallest and largest value that it takes. */
export interface LimitRange extends NumberRange {
  readonly default: number;
}

/** Node.js fires timers above 2^31-1 ms at once; grpc-js adds up to a tenth to the age of a connection. */
const AGE_MOST_MS = 14 * DAY_MS;

/** The range of each limit. Whoever reads limits from a file or takes them from code checks them against it. */
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
  // Every nonce is remembered for as long.
  maxAgeMs: { default: MAX_AGE_MS, least: 1, most: 10 * MINUTE_MS },
  maxAheadMs: { default: MAX_AHEAD_MS, least: 0, most: 10 * MINUTE_MS },
  canonicalRetriesPerSecond: { default: CANONICAL_RETRIES_PER_SECOND, least: 0, most: 1_000_000 },
  connectionAgeMaxMs: { default: HOUR_MS, least: 1, most: AGE_MOST_MS },
  keepaliveIntervalMs: { default: MINUTE_MS, least: 1, most: DAY_MS },
  keepaliveTimeoutMs: { default: 20 * SECOND_MS, least: 1, most: HOUR_MS },
};

/** The limits of a server that names none. */
export const DEFAULT_SERVER_LIMITS = Object.fromEntries(
  Object.entries(SERVER_LIMITS).map(([name, range]) => [name, range.default]),
) as unknown as ServerLimits;

/** Fills in the defaults. Throws OPTIONS_INVALID naming the limit that is unknown or out of its range. */
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
