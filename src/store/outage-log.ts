import type { Clock } from "../runtime/clock.ts";
import type { Logger } from "../runtime/logger.ts";

/** How long nothing may have failed before it is said to be back, in milliseconds. */
const HOLD_MS = 5_000;
/** Most causes that are logged before it is back. */
const CAUSES_MAX = 8;

/** What an {@link OutageLog} says. */
export interface OutageLogOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly away: string;
  readonly back: string;
}

/**
 * Logs that something is away, each cause once, and that it is back, once nothing has failed for five seconds: what fails
 * and works by turns gives one pair of lines in that time at most. Before it has worked once it logs nothing, since whoever
 * starts it is told.
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

  /** True from a failure until nothing has failed for five seconds. */
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

  /** Says nothing any more of what is away now. */
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

/** Errors of one code have one cause, whatever else they say. */
function causeOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return "unknown";
  return "code" in thrown && typeof thrown.code === "string" ? thrown.code : thrown.message;
}
