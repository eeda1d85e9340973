import type { Clock } from "../runtime/clock.ts";
import type { Logger } from "../runtime/logger.ts";

/** Time without a failure after which the end of the outage is logged, in milliseconds. */
const HOLD_MS = 5_000;
/** Maximum number of causes that are logged per outage. */
const CAUSES_MAX = 8;

/** Messages and clock of an {@link OutageLog}. */
export interface OutageLogOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly away: string;
  readonly back: string;
}

/**
 * Logs the beginning of an outage, with each cause once, and its end after five seconds without a failure. Alternating
 * failures and successes therefore log at most one pair of lines in this time. Logs nothing before the first success,
 * because a failed start is reported to its caller.
 */
export class OutageLog implements Disposable {
  readonly #options: OutageLogOptions;
  readonly #causes = new Set<string>();
  #failedAtMs = 0;
  #awaySinceMs = 0;
  #everWorked = false;
  #holding: Disposable | undefined;

  constructor(options: OutageLogOptions) {
    this.#options = options;
  }

  /** True from a failure until five seconds without one. */
  get isAway(): boolean {
    return this.#causes.size > 0;
  }

  failed(thrown: unknown): void {
    const { clock, logger, away } = this.#options;
    if (!this.#everWorked) return;
    this[Symbol.dispose]();
    this.#failedAtMs = clock.monotonicMs();
    if (this.#causes.size === 0) this.#awaySinceMs = this.#failedAtMs;
    const cause = causeOf(thrown);
    if (this.#causes.has(cause) || this.#causes.size >= CAUSES_MAX) return;
    this.#causes.add(cause);
    logger.error({ err: thrown }, away);
  }

  worked(): void {
    this.#everWorked = true;
    if (this.#causes.size === 0 || this.#holding !== undefined) return;
    this.#holding = this.#options.clock.after(HOLD_MS, () => this.#back());
  }

  /** Stops logging. */
  [Symbol.dispose](): void {
    this.#holding?.[Symbol.dispose]();
    this.#holding = undefined;
  }

  #back(): void {
    const { logger, back } = this.#options;
    this.#holding = undefined;
    this.#causes.clear();
    logger.info({ away_ms: Math.round(this.#failedAtMs - this.#awaySinceMs) }, back);
  }
}

/** Errors with the same code have the same cause. */
function causeOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return "unknown";
  return "code" in thrown && typeof thrown.code === "string" ? thrown.code : thrown.message;
}
