import type { FairQueue, TenantQueue } from "./fair-queue.ts";
import type { JobView } from "./job.ts";
import { type JobRow, toJobView } from "./job-row.ts";
import { isTerminal } from "./transitions.ts";
import type { RunListener } from "./worker/attempt-store.ts";

/** Publishes committed changes to watchers. */
export interface ChangePublisher {
  publish(view: JobView): void;
}

/** Distributes committed changes within the process: to watchers, queues and workers. */
export class JobChanges {
  readonly #notifier: ChangePublisher;
  readonly #fairQueue: FairQueue;
  readonly #listeners = new Set<RunListener>();

  constructor(notifier: ChangePublisher, fairQueue: FairQueue) {
    this.#notifier = notifier;
    this.#fairQueue = fairQueue;
  }

  /** Publishes the row of a job after a committed transition. */
  committed(row: JobRow): void {
    const view = toJobView(row);
    this.#notifier.publish(view);
    const isStopped = row.state === "QUEUED" ? row.attempt > 0 : isTerminal(row.state);
    if (isStopped) for (const listener of this.#listeners) listener.stopped?.(view);
    if (row.state === "QUEUED") this.queued(queueOf(row));
    else if (row.state === "RUNNING" && row.cancel_requested) this.cancelRequested(row.job_id);
  }

  /** Records a queued job, which can be claimed when it is due. */
  queued(queue: TenantQueue): void {
    this.#fairQueue.add(queue);
    this.jobReady();
  }

  /** Notifies the workers that a job may be ready to claim. */
  jobReady(): void {
    for (const listener of this.#listeners) listener.jobReady();
  }

  /** Notifies the workers that the owner has cancelled a running job. */
  cancelRequested(jobId: string): void {
    for (const listener of this.#listeners) listener.cancelRequested(jobId);
  }

  listen(listener: RunListener): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
  }
}

/** The queue of a queued job, with the job's due time. */
export function queueOf(row: JobRow): TenantQueue {
  return { priority: row.priority, tool: row.tool, owner: row.owner, dueAtMs: row.run_at_ms };
}
