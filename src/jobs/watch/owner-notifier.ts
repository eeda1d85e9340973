import type { Clock } from "../../runtime/clock.ts";
import { runPeriodically } from "../../runtime/periodic.ts";
import { TickLimiter } from "../../runtime/tick-limiter.ts";
import type { JobView } from "../job.ts";

/** How long a change stays unseen at most whose notification was lost, in milliseconds. */
const POLL_MS = 5_000;
/** Watchers that go on per turn of the event loop. */
const WAKES_PER_TURN = 100;

/** One read of an owner's jobs: all that are open and, if asked for, those that ended at a given time or later. */
export interface OwnerReading {
  /** Every end that was not committed when the read began stands at this time or later; Unix milliseconds. */
  readonly resumeMs: number;
  /**
   * The jobs whose end stood at `resumeMs` or later and was committed when the read began, in the same snapshot as
   * `resumeMs`: they are over, and a later read would bring them. Empty if `endedSinceMs` was given.
   */
  readonly past: readonly JobView[];
  /** In pages, so that a read of many never holds up others for long. What changes meanwhile may be missing. */
  readonly pages: AsyncIterable<readonly JobView[]>;
}

/** Hears of the jobs of one owner. */
export interface OwnerListener {
  /** From when on it has to be told of ends; `undefined` while it still reads for the first time. */
  readonly resumeMs: number | undefined;
  /** Takes a committed change. */
  published(view: JobView): void;
  /** Takes a job of a read, which it may know. */
  read(view: JobView): void;
  /** The read is over that says this. */
  caughtUp(resumeMs: number): void;
  /** There will be nothing more. */
  closed(): void;
}

/** What an {@link OwnerNotifier} needs. */
export interface OwnerNotifierOptions {
  /** Reads an owner's open jobs and, if `endedSinceMs` is given, those that ended then or later. Throws UNAVAILABLE. */
  readonly read: (owner: string, endedSinceMs: number | undefined) => Promise<OwnerReading>;
  readonly clock: Clock;
}

/**
 * Tells those who watch all jobs of an owner. What is published reaches them at once; a read every few seconds, one for
 * all who watch the same owner, finds what was not.
 */
export class OwnerNotifier {
  /** Reads the jobs of an owner, for a listener that joined before. */
  readonly read: OwnerNotifierOptions["read"];
  readonly #listeners = new Map<string, Set<OwnerListener>>();
  readonly #poll: AsyncDisposable;
  readonly #tickLimiter = new TickLimiter(WAKES_PER_TURN);
  #closed = false;

  constructor({ read, clock }: OwnerNotifierOptions) {
    this.read = read;
    // While the store is away, which its engine has logged, the next poll reads again.
    this.#poll = runPeriodically(clock, POLL_MS, () => this.readAgain().catch(() => {}));
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** True if somebody watches all jobs of the owner. */
  isWatched(owner: string): boolean {
    return this.#listeners.has(owner);
  }

  /** The owners that are watched. */
  get owners(): readonly string[] {
    return [...this.#listeners.keys()];
  }

  /** Takes a committed change. */
  publish(view: JobView): void {
    for (const listener of this.#listeners.get(view.owner) ?? []) listener.published(view);
  }

  /** Reads again the jobs of those owners that are watched, after a notification that they changed; of all if none are named. */
  async readAgain(owners: Iterable<string> = this.owners): Promise<void> {
    for (const owner of owners) {
      if (!this.#closed) await this.#readAgain(owner);
    }
  }

  /** Tells `listener` of everything that is published from now on. Dispose to stop. */
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

  /** Runs `wake` soon: what wakes many holds up nobody else. */
  inTurn(wake: () => void): void {
    this.#tickLimiter.run(wake);
  }

  /** Stops polling; resolves when nothing is read any more. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const listeners of this.#listeners.values()) for (const listener of listeners) listener.closed();
    await this.#poll[Symbol.asyncDispose]();
  }

  /** A listener that joins meanwhile, or reads for the first time, misses a part: it reads for itself. */
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
