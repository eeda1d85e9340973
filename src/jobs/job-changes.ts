import type { FairQueue, TenantQueue } from "./fair-queue.ts";
import type { JobView } from "./job.ts";
import { type JobRow, toJobView } from "./job-row.ts";
import type { RunListener } from "./worker/attempt-store.ts";

/** Tells watchers of committed changes. */
export interface ChangePublisher {
  publish(view: JobView): void;
}

/** Tells everyone in the process of committed changes: the watchers, the queues, the workers. */
export class JobChanges {
  readonly #notifier: ChangePublisher;
  readonly #fairQueue: FairQueue;
  readonly #listeners = new Set<RunListener>();

  constructor(notifier: ChangePublisher, fairQueue: FairQueue) {
    this.#notifier = notifier;
    this.#fairQueue = fairQueue;
  }

  /** Takes a job's row as a committed transition left it. */
  committed(row: JobRow): void {
    this.#notifier.publish(toJobView(row));
    if (row.state === "QUEUED") this.queued(queueOf(row));
    else if (row.state === "RUNNING" && row.cancel_requested) this.cancelRequested(row.job_id);
  }

  /** A job of the queue may be claimed once it is due. */
  queued(queue: TenantQueue): void {
    this.#fairQueue.add(queue);
    this.jobReady();
  }

  /** There may be something to claim. */
  jobReady(): void {
    for (const listener of this.#listeners) listener.jobReady();
  }

  /** The owner asked a running job to stop. */
  cancelRequested(jobId: string): void {
    for (const listener of this.#listeners) listener.cancelRequested(jobId);
  }

  listen(listener: RunListener): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
  }
}

/** The queue of a queued job, due when the job is. */
export function queueOf(row: JobRow): TenantQueue {
  return { priority: row.priority, tool: row.tool, owner: row.owner, dueAtMs: row.run_at_ms };
}
