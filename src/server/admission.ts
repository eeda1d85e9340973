import { SealwireError } from "../errors.ts";
import type { Clock } from "../runtime/clock.ts";
import type { VerificationKey } from "../signing/key-ring/types.ts";

/** A call that was let in. */
export interface Admitted {
  /** Gives the call's share of the rate back, for a frame that turned out to be a replay. */
  refund(): void;
  /** Ends the call; idempotent. */
  release(): void;
}

interface KeyUsage {
  tokens: number;
  refilledAtMs: number;
  callsInFlight: number;
  openWatches: number;
}

const QUOTA_RETRY_MS = 1000;

/** Holds each key to its limits: calls per second, calls in flight, open watches (docs/operations.md, Limits). */
export class Admission {
  readonly #clock: Clock;
  readonly #usage = new Map<string, KeyUsage>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes one call of the key's rate and of its calls in flight. Throws RATE_LIMITED or QUOTA_EXCEEDED. */
  admitCall(key: VerificationKey): Admitted {
    const usage = this.#charge(key);
    if (usage.callsInFlight >= key.limits.callsInFlight) {
      usage.tokens += 1;
      throw quotaExceeded("calls in flight", key.limits.callsInFlight);
    }
    usage.callsInFlight += 1;
    return admitted(usage, "callsInFlight");
  }

  /** Takes one call of the key's rate and one of its open watches. Throws RATE_LIMITED or QUOTA_EXCEEDED. */
  admitWatch(key: VerificationKey): Admitted {
    const usage = this.#charge(key);
    try {
      return this.#openWatch(key, usage);
    } catch (error) {
      usage.tokens += 1;
      throw error;
    }
  }

  /** Takes one of the key's open watches for a long-poll; dispose it at the end. Throws QUOTA_EXCEEDED. */
  openWatch(key: VerificationKey): Disposable {
    const watch = this.#openWatch(key, this.#usageOf(key));
    return { [Symbol.dispose]: watch.release };
  }

  #openWatch(key: VerificationKey, usage: KeyUsage): Admitted {
    if (usage.openWatches >= key.limits.openWatches) throw quotaExceeded("open watches", key.limits.openWatches);
    usage.openWatches += 1;
    return admitted(usage, "openWatches");
  }

  #charge(key: VerificationKey): KeyUsage {
    const usage = this.#usageOf(key);
    const { callsPerSecond, burst } = key.limits;
    const nowMs = this.#clock.monotonicMs();
    usage.tokens = Math.min(burst, usage.tokens + ((nowMs - usage.refilledAtMs) / 1000) * callsPerSecond);
    usage.refilledAtMs = nowMs;
    if (usage.tokens < 1) {
      const retryDelayMs = Math.ceil(((1 - usage.tokens) / callsPerSecond) * 1000);
      throw new SealwireError(
        "RATE_LIMITED",
        `The key may call ${callsPerSecond} times a second; try again in ${retryDelayMs} ms.`,
        {
          retryDelayMs,
        },
      );
    }
    usage.tokens -= 1;
    return usage;
  }

  #usageOf(key: VerificationKey): KeyUsage {
    let usage = this.#usage.get(key.keyId);
    if (usage === undefined) {
      usage = { tokens: key.limits.burst, refilledAtMs: this.#clock.monotonicMs(), callsInFlight: 0, openWatches: 0 };
      this.#usage.set(key.keyId, usage);
    }
    return usage;
  }
}

function admitted(usage: KeyUsage, counter: "callsInFlight" | "openWatches"): Admitted {
  let open = true;
  return {
    refund: () => {
      usage.tokens += 1;
    },
    release: () => {
      if (open) usage[counter] -= 1;
      open = false;
    },
  };
}

function quotaExceeded(what: string, limit: number): SealwireError {
  return new SealwireError("QUOTA_EXCEEDED", `The key may have ${limit} ${what} at once; wait for some to end.`, {
    retryDelayMs: QUOTA_RETRY_MS,
  });
}
