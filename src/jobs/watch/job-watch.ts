import { SealwireError } from "../../errors.ts";
import type { JobView } from "../job.ts";
import { isTerminal } from "../transitions.ts";
import type { JobNotifier, JobTopic } from "./job-notifier.ts";

/** Options of a {@link JobWatch}. */
export interface JobWatchOptions {
  readonly notifier: JobNotifier;
  readonly owner: string;
  readonly jobId: string;
  readonly afterRevision: number;
  readonly signal: AbortSignal | undefined;
}

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined };

/**
 * Watches one job, level-triggered: each item is the newest state above the last revision yielded. It is registered
 * with the notifier only while a `next` is pending, so that an abandoned watch keeps no resources.
 */
export class JobWatch implements AsyncIterableIterator<JobView> {
  readonly #options: JobWatchOptions;
  #revision: number;
  #ended = false;
  #wake: (() => void) | undefined;
  #lastStep: Promise<unknown> | undefined;

  constructor(options: JobWatchOptions) {
    this.#options = options;
    this.#revision = options.afterRevision;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Concurrent calls are answered in order. */
  next(): Promise<IteratorResult<JobView, undefined>> {
    const step = this.#step(this.#lastStep);
    this.#lastStep = step;
    return step;
  }

  /** Ends the watch and a pending `next`. */
  return(): Promise<IteratorResult<JobView, undefined>> {
    this.#ended = true;
    this.#wake?.();
    return Promise.resolve(DONE);
  }

  async #step(before: Promise<unknown> | undefined): Promise<IteratorResult<JobView, undefined>> {
    const { notifier, owner, jobId, signal } = this.#options;
    try {
      await before?.catch(() => {});
      while (!this.#ended && !signal?.aborted) {
        if (notifier.closed) throw new SealwireError("UNAVAILABLE", "The server's store is closing; watch again.");
        const topic = await notifier.topic(jobId);
        const { view } = topic;
        if (view === null || view.owner !== owner) throw new SealwireError("JOB_NOT_FOUND");
        if (isTerminal(view.state)) {
          this.#ended = true;
          return { done: false, value: view };
        }
        if (view.revision > this.#revision) {
          this.#revision = view.revision;
          return { done: false, value: view };
        }
        await this.#change(topic);
      }
    } catch (error) {
      this.#ended = true;
      throw error;
    }
    this.#ended = true;
    return DONE;
  }

  /** Resolves at the next change, abort or {@link return}. */
  #change(topic: JobTopic): Promise<void> {
    const { notifier, signal } = this.#options;
    // The watch may have ended, or the signal aborted, while the topic was read.
    if (this.#ended || signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        notifier.leave(topic, wake);
        signal?.removeEventListener("abort", wake);
        this.#wake = undefined;
        resolve();
      };
      notifier.wait(topic, wake);
      signal?.addEventListener("abort", wake, { once: true });
      this.#wake = wake;
    });
  }
}
