import type { Clock } from "../../runtime/clock.ts";
import { runPeriodically } from "../../runtime/periodic.ts";
import { TickLimiter } from "../../runtime/tick-limiter.ts";
import type { JobView } from "../job.ts";

/** How long a watcher waits at most before the job is read again, in milliseconds. */
const POLL_MS = 5_000;
/** Jobs per read, so that a poll of many never holds up others for long. */
const SLICE = 500;
/** Watchers woken per turn of the event loop: what each then does takes tens of microseconds. */
const WAKES_PER_TURN = 100;

/** A job that somebody watches. */
export interface JobTopic {
  /** The newest state known; `null` if there is no such job. */
  readonly view: JobView | null;
}

interface Topic extends JobTopic {
  view: JobView | null;
  /** The first read, until it is done. */
  loading: Promise<void> | undefined;
  readonly waiting: Set<() => void>;
}

/** What a {@link JobNotifier} needs. */
export interface JobNotifierOptions {
  /** Reads those of the jobs that there are, in any order. Throws UNAVAILABLE. */
  readonly read: (jobIds: readonly string[]) => Promise<readonly JobView[]>;
  readonly clock: Clock;
}

/**
 * Shares the newest state of watched jobs among their watchers: one read for all, however many there are. A topic
 * is held while someone waits and for one poll interval more, so nothing that was abandoned stays.
 */
export class JobNotifier {
  readonly #read: JobNotifierOptions["read"];
  readonly #topics = new Map<string, Topic>();
  /** Finds the changes whose notification was lost. */
  readonly #poll: AsyncDisposable;
  readonly #tickLimiter = new TickLimiter(WAKES_PER_TURN);
  #closed = false;

  constructor({ read, clock }: JobNotifierOptions) {
    this.#read = read;
    this.#poll = runPeriodically(clock, POLL_MS, () => this.#dropIdleAndReadAgain());
  }

  /** How many jobs are held. */
  get size(): number {
    return this.#topics.size;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** The topic of a job; reads the job if nobody watched it lately. Its view changes as time goes on. */
  async topic(jobId: string): Promise<JobTopic> {
    const topic = this.#topics.get(jobId) ?? this.#open(jobId);
    if (topic.loading !== undefined) await topic.loading;
    return topic;
  }

  /** Takes a committed change and wakes those who wait for it. What is no newer than the state known is ignored. */
  publish(view: JobView): void {
    const topic = this.#topics.get(view.jobId);
    if (topic === undefined || view.revision <= (topic.view?.revision ?? 0)) return;
    topic.view = view;
    this.#wake(topic);
  }

  /** Runs `onChange` once, soon after the next change or close. */
  wait(topic: JobTopic, onChange: () => void): void {
    (topic as Topic).waiting.add(onChange);
  }

  /** `onChange` waits no more. */
  leave(topic: JobTopic, onChange: () => void): void {
    (topic as Topic).waiting.delete(onChange);
  }

  /** Reads again those of the jobs that are held, after a notification that they changed; all of them if none are named. */
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

  /** Wakes everyone; from then on there is nothing to wait for. */
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

  /** What is published while the read is under way may be newer than what it gives. */
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
    // While the store is away, which its engine has logged, the next poll reads again.
    await this.readAgain().catch(() => {});
  }

  /** Those whose turn comes late find the newest state then. */
  #wake({ waiting }: Topic): void {
    const woken = [...waiting];
    waiting.clear();
    for (const onChange of woken) this.#tickLimiter.run(onChange);
  }
}
