import type { Clock } from "../../runtime/clock.ts";
import type { JobView } from "../job.ts";
import { toJobView } from "../job-row.ts";
import type { JobStorage } from "../job-storage.ts";
import { JobNotifier } from "./job-notifier.ts";
import { OwnerNotifier } from "./owner-notifier.ts";
import { readOwner } from "./read-owner.ts";

/** What all watchers in this process follow: single jobs, and all jobs of an owner. */
export class Notifiers {
  readonly jobs: JobNotifier;
  readonly owners: OwnerNotifier;
  readonly #find: (jobIds: readonly string[]) => Promise<readonly JobView[]>;

  /** `storage` is asked for when something is to be read first. */
  constructor(storage: () => JobStorage, clock: Clock) {
    this.#find = async (jobIds) => (await storage().find(jobIds)).map(toJobView);
    this.jobs = new JobNotifier({ read: this.#find, clock });
    this.owners = new OwnerNotifier({ read: (owner, sinceMs) => readOwner(storage(), owner, sinceMs), clock });
  }

  get closed(): boolean {
    return this.jobs.closed;
  }

  /** Takes a committed change. */
  publish(view: JobView): void {
    this.jobs.publish(view);
    this.owners.publish(view);
  }

  /** Reads again those of the jobs that somebody watches, after a notification that they changed. Throws UNAVAILABLE. */
  async readAgain(changed: readonly Pick<JobView, "jobId" | "owner">[]): Promise<void> {
    const ofOwners = changed.filter(({ owner }) => this.owners.isWatched(owner)).map(({ jobId }) => jobId);
    const [views] = await Promise.all([
      ofOwners.length === 0 ? [] : this.#find(ofOwners),
      this.jobs.readAgain(changed.map(({ jobId }) => jobId)),
    ]);
    for (const view of views) this.owners.publish(view);
  }

  /** Reads everything again that somebody watches, after notifications may have been lost. Throws UNAVAILABLE. */
  async readAllAgain(): Promise<void> {
    await Promise.all([this.jobs.readAgain(), this.owners.readAgain()]);
  }

  /** Wakes everyone; from then on there is nothing to wait for. */
  async close(): Promise<void> {
    await Promise.all([this.jobs.close(), this.owners.close()]);
  }
}
