import type { FairQueue } from "../../../jobs/fair-queue.ts";
import { JobChanges, queueOf } from "../../../jobs/job-changes.ts";
import type { JobRow } from "../../../jobs/job-row.ts";
import type { Notifiers } from "../../../jobs/watch/notifiers.ts";
import type { NotificationListener, Notifications, StoreNotification } from "../notifications.ts";

/** {@link JobChanges} that also notify other processes, and distribute their notifications. */
export class SharedJobChanges extends JobChanges implements NotificationListener {
  readonly #notifiers: Notifiers;
  readonly #notifications: Notifications;

  constructor(notifiers: Notifiers, fairQueue: FairQueue, notifications: Notifications) {
    super(notifiers, fairQueue);
    this.#notifiers = notifiers;
    this.#notifications = notifications;
  }

  override committed(row: JobRow): void {
    super.committed(row);
    this.#notifications.tellJob({
      jobId: row.job_id,
      owner: row.owner,
      ...(row.state === "QUEUED" && { queued: queueOf(row) }),
      ...(row.state === "RUNNING" && row.cancel_requested && { cancelRequested: true }),
    });
  }

  heard(notification: StoreNotification): void {
    if (!("jobs" in notification)) return;
    for (const { jobId, queued, cancelRequested } of notification.jobs) {
      if (queued !== undefined) this.queued(queued);
      if (cancelRequested) this.cancelRequested(jobId);
    }
    // If this fails, the notifiers' polls read the jobs.
    this.#notifiers.readAgain(notification.jobs).catch(() => {});
  }

  resumed(): void {
    this.#notifiers.readAllAgain().catch(() => {});
    this.jobReady();
  }
}
