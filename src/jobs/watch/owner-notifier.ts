import type { Clock } from "../../runtime/clock.ts";
import { runPeriodically } from "../../runtime/periodic.ts";
import { TickLimiter } from "../../runtime/tick-limiter.ts";
import type { JobView } from "../job.ts";

/** Maximum delay until a change is detected whose notification was lost, in milliseconds. */
const POLL_MS = 5_000;
/** Watchers woken per event loop turn. */
const WAKES_PER_TURN = 100;

/** One read of an owner's jobs: all open ones and, if requested, those that ended at a given time or later. */
export interface OwnerReading {
  /** Every end that was not committed when the read began has this time or a later one, Unix milliseconds. */
  readonly resumeMs: number;
  /**
   * The jobs that ended at `resumeMs` or later and were committed when the read began, in the same snapshot as
   * `resumeMs`. A later read returns them again although they are not new. Empty if `endedSinceMs` was set.
   */
  readonly past: readonly JobView[];
  /**
   * The jobs in pages, so that a read of many jobs does not block other queries. Changes during the read may be
   * missing.
   */
  readonly pages: AsyncIterable<readonly JobView[]>;
}

/** Receives the changes of one owner's jobs. */
export interface OwnerListener {
  /** Time from which on the listener needs ended jobs; `undefined` during its first read. */
  readonly resumeMs: number | undefined;
  /** Receives a committed change. */
  published(view: JobView): void;
  /** Receives a job from a read, which may be known already. */
  read(view: JobView): void;
  /** Called at the end of a read with its `resumeMs`. */
  caughtUp(resumeMs: number): void;
  /** Called when the store closes. No other call follows. */
  closed(): void;
}

/** Options of an {@link OwnerNotifier}. */
export interface OwnerNotifierOptions {
  /**
   * Reads an owner's open jobs and, if `endedSinceMs` is set, those that ended at this time or later. Throws
   * UNAVAILABLE.
   */
  readonly read: (owner: string, endedSinceMs: number | undefined) => Promise<OwnerReading>;
  readonly clock: Clock;
}

/**
 * Notifies the watchers of all jobs of an owner. Published changes reach them immediately. A periodic read, one for all
 * watchers of an owner, finds changes that were not published.
 */
export class OwnerNotifier {
  /** Reads the jobs of an owner, for a listener that has joined. */
  readonly read: OwnerNotifierOptions["read"];
  readonly #listeners = new Map<string, Set<OwnerListener>>();
  readonly #poll: AsyncDisposable;
  readonly #tickLimiter = new TickLimiter(WAKES_PER_TURN);
  #closed = false;

  constructor({ read, clock }: OwnerNotifierOptions) {
    this.read = read;
    // Ignores an unavailable store, which the engine has logged. The next poll reads again.
    this.#poll = runPeriodically(clock, POLL_MS, () => this.readAgain().catch(() => {}));
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** True if all jobs of the owner are watched. */
  isWatched(owner: string): boolean {
    return this.#listeners.has(owner);
  }

  /** The watched owners. */
  get owners(): readonly string[] {
    return [...this.#listeners.keys()];
  }

  /** Receives a committed change. */
  publish(view: JobView): void {
    for (const listener of this.#listeners.get(view.owner) ?? []) listener.published(view);
  }

  /**
   * Reads the jobs of the watched owners among `owners` again, after a notification that they changed. Default: all
   * watched owners.
   */
  async readAgain(owners: Iterable<string> = this.owners): Promise<void> {
    for (const owner of owners) {
      if (!this.#closed) await this.#readAgain(owner);
    }
  }

  /** Passes every published change to `listener` until the result is disposed. */
  join(owner: string, listener: OwnerListener): Disposable {
    const listeners = this.#listeners.get(owner) ?? new Set();
    this.#listeners.set(owner, listeners.add(listener));
    return {
      [Symbol.dispose]: () => {
        listeners.delete(listener);
        if (listeners.size === 0 && this.#listeners.get(owner) === listeners) this.#listeners.delete(owner);
      },
    };
  }

  /** Runs `wake` in an event loop turn that has capacity, so that many watchers do not delay other work. */
  inTurn(wake: () => void): void {
    this.#tickLimiter.run(wake);
  }

  /** Stops polling. Resolves when no read is pending. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const listeners of this.#listeners.values()) for (const listener of listeners) listener.closed();
    await this.#poll[Symbol.asyncDispose]();
  }

  /** Skips listeners that joined during this read or are in their first read. They read the jobs themselves. */
  async #readAgain(owner: string): Promise<void> {
    const listeners = [...(this.#listeners.get(owner) ?? [])].filter(({ resumeMs }) => resumeMs !== undefined);
    if (listeners.length === 0) return;
    const sinceMs = Math.min(...listeners.map(({ resumeMs = 0 }) => resumeMs));
    const { resumeMs, pages } = await this.read(owner, sinceMs);
    for await (const page of pages) {
      for (const view of page) for (const listener of listeners) listener.read(view);
    }
    for (const listener of listeners) listener.caughtUp(resumeMs);
  }
}
