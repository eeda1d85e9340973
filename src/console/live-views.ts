import type { Clock } from "../runtime/clock.ts";

/** What a view is: how it is read, and how often. */
export interface ViewSource {
  /** Views with the same key are read once for all who watch them. */
  readonly key: string;
  /** Shortest time between two readings, in milliseconds. */
  readonly intervalMs: number;
  /** Must not reject. */
  read(): Promise<ViewReading>;
}

/** One reading of a view. */
export interface ViewReading {
  readonly text: string;
  /** True if the text says why the view could not be read. */
  readonly isFailure: boolean;
}

/** A view is read at most this part of the time, so that a search through a large store costs others little. */
const READING_PART = 1 / 20;
/** Longest time between two readings, in milliseconds, so that a store that stood still does not stop a view for minutes. */
const REST_MOST_MS = 60_000;

/** One view, and those who watch it. */
class View {
  readonly #source: ViewSource;
  readonly #clock: Clock;
  readonly #watchers = new Set<(text: string) => void>();
  #last: { readonly text: string; readonly untilMs: number } | undefined;
  #timer: Disposable | undefined;
  #isReading = false;

  constructor(source: ViewSource, clock: Clock) {
    this.#source = source;
    this.#clock = clock;
  }

  get isWatched(): boolean {
    return this.#watchers.size > 0;
  }

  add(watcher: (text: string) => void): void {
    this.#watchers.add(watcher);
    if (this.#last !== undefined && this.#clock.monotonicMs() < this.#last.untilMs) watcher(this.#last.text);
    else void this.#read();
  }

  remove(watcher: (text: string) => void): void {
    this.#watchers.delete(watcher);
    if (this.#watchers.size > 0) return;
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }

  async #read(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    this.#timer?.[Symbol.dispose]();
    const startedMs = this.#clock.monotonicMs();
    const { text, isFailure } = await this.#source.read();
    this.#isReading = false;
    const endedMs = this.#clock.monotonicMs();
    // What failed has waited for a store rather than used it, and should show soon that it can be used again.
    const partMs = isFailure ? 0 : Math.min(REST_MOST_MS, (endedMs - startedMs) / READING_PART);
    const restMs = Math.max(this.#source.intervalMs, partMs);
    this.#last = { text, untilMs: endedMs + restMs };
    for (const watcher of this.#watchers) watcher(text);
    if (this.#watchers.size === 0) return;
    this.#timer = this.#clock.after(restMs, () => void this.#read());
  }
}

/**
 * Views that are read again and again while somebody watches them: each once in its interval for all who watch it, less
 * often if a reading takes long, and not at all when nobody does.
 */
export class LiveViews {
  readonly #clock: Clock;
  readonly #views = new Map<string, View>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls `watcher` with the view at once, and after each reading until the result is disposed. */
  watch(source: ViewSource, watcher: (text: string) => void): Disposable {
    const view = this.#views.get(source.key) ?? new View(source, this.#clock);
    this.#views.set(source.key, view);
    view.add(watcher);
    return {
      [Symbol.dispose]: () => {
        view.remove(watcher);
        if (!view.isWatched && this.#views.get(source.key) === view) this.#views.delete(source.key);
      },
    };
  }
}
