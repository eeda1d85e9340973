import type { Clock } from "../runtime/clock.ts";

/** What a view is: how it is read, and how often. */
export interface ViewSource {
  /** Views with the same key are read once for all who watch them. */
  readonly key: string;
  /** Time between two readings, in milliseconds. */
  readonly intervalMs: number;
  /** Reads the view as text. Must not reject. */
  read(): Promise<string>;
}

/** One view, and those who watch it. */
class View {
  readonly #source: ViewSource;
  readonly #clock: Clock;
  readonly #watchers = new Set<(text: string) => void>();
  #last: { readonly text: string; readonly atMs: number } | undefined;
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
    const isFresh = this.#last !== undefined && this.#clock.monotonicMs() - this.#last.atMs < this.#source.intervalMs;
    if (isFresh && this.#last !== undefined) watcher(this.#last.text);
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
    const text = await this.#source.read();
    this.#isReading = false;
    this.#last = { text, atMs: this.#clock.monotonicMs() };
    for (const watcher of this.#watchers) watcher(text);
    if (this.#watchers.size === 0) return;
    this.#timer = this.#clock.after(this.#source.intervalMs, () => void this.#read());
  }
}

/**
 * Views that are read again and again while somebody watches them: each once in its interval for all who watch it, and
 * not at all when nobody does.
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
