import type { Clock } from "../runtime/clock.ts";
import type { JobView } from "./job.ts";

/** How long a watcher waits at most before the job is read again, in milliseconds. */
const POLL_MS = 5_000;

interface Topic {
  view: JobView | null;
  readonly waiting: Set<() => void>;
}

/** What a {@link JobFeed} needs. */
export interface JobFeedOptions {
  /** Reads a job; `null` if there is none. Throws UNAVAILABLE. */
  readonly read: (jobId: string) => JobView | null;
  readonly clock: Clock;
}

/**
 * Shares the newest state of watched jobs among their watchers: one read for all, however many there are. A topic
 * is held while someone waits and for one poll interval more, so nothing that was abandoned stays.
 */
export class JobFeed {
  readonly #options: JobFeedOptions;
  readonly #topics = new Map<string, Topic>();
  #closed = false;

  constructor(options: JobFeedOptions) {
    this.#options = options;
  }

  /** How many jobs are held. */
  get size(): number {
    return this.#topics.size;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** The newest state known; reads the job if nobody watched it lately. */
  current(jobId: string): JobView | null {
    return (this.#topics.get(jobId) ?? this.#open(jobId)).view;
  }

  /** Takes a committed change and wakes those who wait for it. */
  publish(view: JobView): void {
    const topic = this.#topics.get(view.jobId);
    if (topic === undefined) return;
    topic.view = view;
    wake(topic);
  }

  /** Runs `onChange` once, at the next change or close. Dispose to stop waiting. */
  wait(jobId: string, onChange: () => void): Disposable {
    const { waiting } = this.#topics.get(jobId) ?? this.#open(jobId);
    waiting.add(onChange);
    return { [Symbol.dispose]: () => waiting.delete(onChange) };
  }

  /** Wakes everyone; from then on there is nothing to wait for. */
  close(): void {
    this.#closed = true;
    for (const topic of this.#topics.values()) wake(topic);
    this.#topics.clear();
  }

  #open(jobId: string): Topic {
    const topic: Topic = { view: this.#options.read(jobId), waiting: new Set() };
    if (topic.view === null) return topic;
    this.#topics.set(jobId, topic);
    this.#pollLater(jobId, topic);
    return topic;
  }

  #pollLater(jobId: string, topic: Topic): void {
    this.#options.clock.after(POLL_MS, () => {
      if (this.#closed) return;
      if (topic.waiting.size === 0) {
        this.#topics.delete(jobId);
        return;
      }
      this.#readAgain(jobId, topic);
      this.#pollLater(jobId, topic);
    });
  }

  #readAgain(jobId: string, topic: Topic): void {
    try {
      const view = this.#options.read(jobId);
      if (view?.revision === topic.view?.revision) return;
      topic.view = view;
      wake(topic);
    } catch {
      // The store is away, which its engine has logged; the next poll reads again.
    }
  }
}

function wake({ waiting }: Topic): void {
  const woken = [...waiting];
  waiting.clear();
  for (const onChange of woken) onChange();
}
