import { SealwireError } from "../../errors.ts";
import type { Clock } from "../../runtime/clock.ts";
import { TokenBucket } from "../../runtime/token-bucket.ts";
import type { VerificationKey } from "../../signing/key-ring/types.ts";

type Counter = "callsInFlight" | "openWatches" | "openStreams";

/** The current usage of one key. */
interface KeyUsage extends Record<Counter, number> {
  readonly rate: TokenBucket;
}

const QUOTA_RETRY_MS = 1000;
/** A request counts as one call for each started block of this many bytes of its Envelope. */
const BYTES_PER_CALL = 64 * 1024;

/**
 * Enforces the limits of each key: calls per second, calls in flight, open watches and call streams
 * (docs/operations.md, Limits).
 */
export class Admission {
  readonly #clock: Clock;
  readonly #streamsPerKeyMax: number;
  readonly #usage = new Map<string, KeyUsage>();

  constructor({ clock, callStreamsPerKeyMax }: { readonly clock: Clock; readonly callStreamsPerKeyMax: number }) {
    this.#clock = clock;
    this.#streamsPerKeyMax = callStreamsPerKeyMax;
  }

  /**
   * Counts a call against the key's limit of calls in flight and against its rate, as one call for each started block
   * of 64 KiB. Throws RATE_LIMITED or QUOTA_EXCEEDED.
   */
  admitCall(key: VerificationKey, bytes: number): Permit {
    return this.#admit(key, "callsInFlight", bytes);
  }

  /** Like {@link admitCall}, but counts against the limit of open watches. */
  admitWatch(key: VerificationKey, bytes: number): Permit {
    return this.#admit(key, "openWatches", bytes);
  }

  /** Counts a call stream of the key until it is disposed. Throws QUOTA_EXCEEDED. */
  openStream(key: VerificationKey): Disposable {
    const usage = this.#usageOf(key);
    take(usage, "openStreams", this.#streamsPerKeyMax);
    return {
      [Symbol.dispose]: () => {
        usage.openStreams -= 1;
      },
    };
  }

  #admit(key: VerificationKey, counter: "callsInFlight" | "openWatches", bytes: number): Permit {
    const cost = Math.max(1, Math.ceil(bytes / BYTES_PER_CALL));
    const usage = this.#charge(key, cost);
    try {
      take(usage, counter, key.limits[counter]);
    } catch (error) {
      usage.rate.give(cost);
      throw error;
    }
    return new Permit(usage, counter, key.limits.openWatches, cost);
  }

  #charge(key: VerificationKey, cost: number): KeyUsage {
    const usage = this.#usageOf(key);
    const { callsPerSecond, burst } = key.limits;
    // The key ring may have changed.
    usage.rate.resize(callsPerSecond, burst);
    // A request that costs more than the burst is admitted when the full burst is available, and overdraws it.
    const retryDelayMs = usage.rate.queueMs(Math.min(cost, burst));
    if (retryDelayMs > 0) {
      const counts =
        cost === 1 ? "" : `; this request counts as ${cost} calls, one for each ${BYTES_PER_CALL >> 10} KiB`;
      throw new SealwireError(
        "RATE_LIMITED",
        `The key may call ${callsPerSecond} times a second${counts}; try again in ${retryDelayMs} ms.`,
        { retryDelayMs },
      );
    }
    usage.rate.draw(cost);
    return usage;
  }

  #usageOf(key: VerificationKey): KeyUsage {
    let usage = this.#usage.get(key.keyId);
    if (usage === undefined) {
      const { callsPerSecond, burst } = key.limits;
      usage = {
        rate: new TokenBucket(this.#clock, callsPerSecond, burst),
        callsInFlight: 0,
        openWatches: 0,
        openStreams: 0,
      };
      this.#usage.set(key.keyId, usage);
    }
    return usage;
  }
}

/** The share of its key's limits that one call uses. */
export class Permit {
  readonly #usage: KeyUsage;
  readonly #openWatchesMax: number;
  readonly #cost: number;
  /** The limit that the call counts against; `undefined` once it has ended. */
  #counter: Counter | undefined;

  constructor(usage: KeyUsage, counter: Counter, openWatchesMax: number, cost: number) {
    this.#usage = usage;
    this.#cost = cost;
    this.#counter = counter;
    this.#openWatchesMax = openWatchesMax;
  }

  /** Counts the call as an open watch instead of a call in flight until disposed. Throws QUOTA_EXCEEDED. */
  openWatch(): Disposable {
    const before = this.#counter;
    if (before === undefined) return { [Symbol.dispose]() {} };
    take(this.#usage, "openWatches", this.#openWatchesMax);
    this.#usage[before] -= 1;
    this.#counter = "openWatches";
    return { [Symbol.dispose]: () => this.#return(before) };
  }

  /** Returns the call's cost to the rate limit, if its frame is a replay. */
  refund(): void {
    this.#usage.rate.give(this.#cost);
  }

  /** Ends the call; idempotent. */
  release(): void {
    if (this.#counter !== undefined) this.#usage[this.#counter] -= 1;
    this.#counter = undefined;
  }

  #return(to: Counter): void {
    if (this.#counter === undefined) return;
    this.#usage[this.#counter] -= 1;
    this.#usage[to] += 1;
    this.#counter = to;
  }
}

const NAMES: Readonly<Record<Counter, string>> = {
  callsInFlight: "calls in flight",
  openWatches: "open watches",
  openStreams: "open call streams",
};

function take(usage: KeyUsage, counter: Counter, limit: number): void {
  if (usage[counter] >= limit) {
    throw new SealwireError(
      "QUOTA_EXCEEDED",
      `The key may have ${limit} ${NAMES[counter]} at once; wait for some to end.`,
      {
        retryDelayMs: QUOTA_RETRY_MS,
      },
    );
  }
  usage[counter] += 1;
}
