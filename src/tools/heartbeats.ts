import type { Clock } from "../runtime/clock.ts";
import { TickLimiter } from "../runtime/tick-limiter.ts";
import { type Expiring, type RunningTime, TimeLimit } from "../runtime/time-limit.ts";

/** Maximum number of heartbeats per event loop turn. Watches that began together have their heartbeats together. */
const BEATS_PER_TURN = 100;

/** Heartbeat options of a watch. */
export interface HeartbeatOptions {
  readonly intervalMs: number;
  /** Called when the reader stops, to end a pending `next` of the source that `return` alone does not end. */
  readonly leave?: () => void;
}

/** Sends heartbeats on idle watches. Watches with the same interval share a timer. */
export class Heartbeats {
  readonly #clock: Clock;
  readonly #tickLimiter = new TickLimiter(BEATS_PER_TURN);
  readonly #silences = new Map<number, TimeLimit>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Yields the items of `source`, and `undefined` after each `intervalMs` without an item. */
  between<T>(source: AsyncIterable<T>, options: HeartbeatOptions): AsyncIterableIterator<T | undefined> {
    return new Beating({ ...options, steps: source[Symbol.asyncIterator](), heartbeats: this });
  }

  /** Expires `item` after `intervalMs`. */
  begin(item: Expiring, intervalMs: number): RunningTime {
    let silence = this.#silences.get(intervalMs);
    if (silence === undefined) {
      silence = new TimeLimit(this.#clock, intervalMs);
      this.#silences.set(intervalMs, silence);
    }
    return silence.begin(item);
  }

  /** Cancels a time limit that {@link begin} started with `intervalMs`. */
  end(time: RunningTime, intervalMs: number): void {
    const silence = this.#silences.get(intervalMs);
    silence?.end(time);
    if (!silence?.idle) return;
    silence[Symbol.dispose]();
    this.#silences.delete(intervalMs);
  }

  /** Runs `beat` in the next event loop turn that has capacity. */
  run(beat: () => void): void {
    this.#tickLimiter.run(beat);
  }
}

interface BeatingOptions<T> extends HeartbeatOptions {
  readonly steps: AsyncIterator<T, unknown>;
  readonly heartbeats: Heartbeats;
}

type HeartbeatStep<T> = IteratorResult<T | undefined, undefined>;

const BEAT: IteratorYieldResult<undefined> = { done: false, value: undefined };
const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined };

/**
 * One watch with heartbeats. A hand-written iterator, because a generator and a race of promises use more memory than
 * the rest of a watch.
 */
class Beating<T> implements AsyncIterableIterator<T | undefined>, Expiring {
  readonly #options: BeatingOptions<T>;
  /** True while a `next` of the source is pending. */
  #stepping = false;
  /** A result of the source that no reader has taken yet. */
  #missed: HeartbeatStep<T> | Promise<never> | undefined;
  /** Time limit until the next heartbeat, while the reader waits. */
  #silence: RunningTime | undefined;
  /** Resolves the reader's pending `next`. */
  #answer: ((step: HeartbeatStep<T> | Promise<never>) => void) | undefined;

  constructor(options: BeatingOptions<T>) {
    this.#options = options;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Must not be called again before the previous promise has settled. */
  next(): Promise<HeartbeatStep<T>> {
    const { heartbeats, intervalMs } = this.#options;
    return new Promise((resolve) => {
      this.#answer = resolve;
      this.#silence = heartbeats.begin(this, intervalMs);
      if (this.#missed !== undefined) this.#reply(this.#missed);
      else if (!this.#stepping) this.#advance();
    });
  }

  async return(): Promise<HeartbeatStep<T>> {
    this.#options.leave?.();
    await this.#options.steps.return?.();
    return DONE;
  }

  expire(): void {
    const asking = this.#answer;
    this.#options.heartbeats.run(() => {
      if (this.#answer === asking) this.#reply(BEAT);
    });
  }

  #advance(): void {
    this.#stepping = true;
    const step = this.#options.steps.next();
    step.then(
      (result) => this.#arrive(result.done ? DONE : result),
      () => this.#arrive(step as Promise<never>),
    );
  }

  #arrive(step: HeartbeatStep<T> | Promise<never>): void {
    this.#stepping = false;
    if (this.#answer === undefined) this.#missed = step;
    else this.#reply(step);
  }

  #reply(step: HeartbeatStep<T> | Promise<never>): void {
    const { heartbeats, intervalMs } = this.#options;
    if (this.#silence !== undefined) heartbeats.end(this.#silence, intervalMs);
    this.#silence = undefined;
    this.#missed = undefined;
    const answer = this.#answer;
    this.#answer = undefined;
    answer?.(step);
  }
}
