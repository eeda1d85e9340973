import type { Clock } from "../../runtime/clock.ts";
import { runPeriodically } from "../../runtime/periodic.ts";
import { TickLimiter } from "../../runtime/tick-limiter.ts";
import type { JobView } from "../job.ts";

/** Maximum time between two reads of a watched job, in milliseconds. */
const POLL_MS = 5_000;
/** Jobs per read, so that a poll of many jobs does not block other queries. */
const SLICE = 500;
/** Watchers woken per event loop turn. The work of each takes tens of microseconds. */
const WAKES_PER_TURN = 100;

/** A watched job. */
export interface JobTopic {
  /** The newest known state; `null` if the job does not exist. */
  readonly view: JobView | null;
}

interface Topic extends JobTopic {
  view: JobView | null;
  /** The first read, while it is pending. */
  loading: Promise<void> | undefined;
  readonly waiting: Set<() => void>;
}

/** Options of a {@link JobNotifier}. */
export interface JobNotifierOptions {
  /** Reads the existing jobs among these, in any order. Throws UNAVAILABLE. */
  readonly read: (jobIds: readonly string[]) => Promise<readonly JobView[]>;
  readonly clock: Clock;
}

/**
 * Shares the newest state of each watched job among its watchers, so that a job is read once for all of them. A topic
 * is kept while a watcher waits and for one more poll interval, so that abandoned topics are removed.
 */
export class JobNotifier {
  readonly #read: JobNotifierOptions["read"];
  readonly #topics = new Map<string, Topic>();
  /** Detects changes whose notification was lost. */
  readonly #poll: AsyncDisposable;
  readonly #tickLimiter = new TickLimiter(WAKES_PER_TURN);
  #closed = false;

  constructor({ read, clock }: JobNotifierOptions) {
    this.#read = read;
    this.#poll = runPeriodically(clock, POLL_MS, () => this.#dropIdleAndReadAgain());
  }

  /** Number of topics. */
  get size(): number {
    return this.#topics.size;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** The topic of a job. Reads the job if it has no topic yet. The topic's view is updated later. */
  async topic(jobId: string): Promise<JobTopic> {
    const topic = this.#topics.get(jobId) ?? this.#open(jobId);
    if (topic.loading !== undefined) await topic.loading;
    return topic;
  }

  /**
   * Publishes a committed change and wakes the job's watchers. Ignores a view that is not newer than the known state.
   */
  publish(view: JobView): void {
    const topic = this.#topics.get(view.jobId);
    if (topic === undefined || view.revision <= (topic.view?.revision ?? 0)) return;
    topic.view = view;
    this.#wake(topic);
  }

  /** Runs `onChange` once, after the next change or close. */
  wait(topic: JobTopic, onChange: () => void): void {
    (topic as Topic).waiting.add(onChange);
  }

  /** Removes a waiting `onChange`. */
  leave(topic: JobTopic, onChange: () => void): void {
    (topic as Topic).waiting.delete(onChange);
  }

  /** Reads the watched jobs among `jobIds` again, after a notification that they changed. Default: all watched jobs. */
  async readAgain(jobIds: Iterable<string> = this.#topics.keys()): Promise<void> {
    const held = [...jobIds].filter((jobId) => this.#topics.has(jobId));
    for (let from = 0; from < held.length && !this.#closed; from += SLICE) {
      const slice = held.slice(from, from + SLICE);
      const views = new Map((await this.#read(slice)).map((view) => [view.jobId, view]));
      for (const jobId of slice) {
        const view = views.get(jobId);
        if (view !== undefined) this.publish(view);
        else this.#gone(jobId);
      }
    }
  }

  /** Wakes all watchers. Afterwards no watcher waits. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const topic of this.#topics.values()) this.#wake(topic);
    this.#topics.clear();
    await this.#poll[Symbol.asyncDispose]();
  }

  #open(jobId: string): Topic {
    const topic: Topic = { view: null, loading: undefined, waiting: new Set() };
    this.#topics.set(jobId, topic);
    topic.loading = this.#load(jobId, topic);
    return topic;
  }

  /** A view that is published during the read may be newer than its result. */
  async #load(jobId: string, topic: Topic): Promise<void> {
    try {
      const [view] = await this.#read([jobId]);
      if (view !== undefined) this.publish(view);
    } finally {
      topic.loading = undefined;
      if (topic.view === null) this.#topics.delete(jobId);
    }
  }

  #gone(jobId: string): void {
    const topic = this.#topics.get(jobId);
    if (topic === undefined || topic.loading !== undefined) return;
    this.#topics.delete(jobId);
    topic.view = null;
    this.#wake(topic);
  }

  async #dropIdleAndReadAgain(): Promise<void> {
    for (const [jobId, topic] of this.#topics) {
      if (topic.waiting.size === 0 && topic.loading === undefined) this.#topics.delete(jobId);
    }
    // Ignores an unavailable store, which the engine has logged. The next poll reads again.
    await this.readAgain().catch(() => {});
  }

  /** A watcher that is woken later reads the newest state then. */
  #wake({ waiting }: Topic): void {
    const woken = [...waiting];
    waiting.clear();
    for (const onChange of woken) this.#tickLimiter.run(onChange);
  }
}
