import type { Clock } from "../../runtime/clock.ts";
import type { JobView } from "../job.ts";
import { toJobView } from "../job-row.ts";
import type { JobStorage } from "../job-storage.ts";
import { JobNotifier } from "./job-notifier.ts";
import { OwnerNotifier } from "./owner-notifier.ts";
import { readOwner } from "./read-owner.ts";

/** The notifiers of this process: of single jobs, and of all jobs of an owner. */
export class Notifiers {
  readonly jobs: JobNotifier;
  readonly owners: OwnerNotifier;
  readonly #find: (jobIds: readonly string[]) => Promise<readonly JobView[]>;

  /** `storage` is called on the first read. */
  constructor(storage: () => JobStorage, clock: Clock) {
    this.#find = async (jobIds) => (await storage().find(jobIds)).map(toJobView);
    this.jobs = new JobNotifier({ read: this.#find, clock });
    this.owners = new OwnerNotifier({ read: (owner, sinceMs) => readOwner(storage(), owner, sinceMs), clock });
  }

  get closed(): boolean {
    return this.jobs.closed;
  }

  /** Publishes a committed change. */
  publish(view: JobView): void {
    this.jobs.publish(view);
    this.owners.publish(view);
  }

  /** Reads the watched jobs among `changed` again, after a notification that they changed. Throws UNAVAILABLE. */
  async readAgain(changed: readonly Pick<JobView, "jobId" | "owner">[]): Promise<void> {
    const ofOwners = changed.filter(({ owner }) => this.owners.isWatched(owner)).map(({ jobId }) => jobId);
    const [views] = await Promise.all([
      ofOwners.length === 0 ? [] : this.#find(ofOwners),
      this.jobs.readAgain(changed.map(({ jobId }) => jobId)),
    ]);
    for (const view of views) this.owners.publish(view);
  }

  /** Reads all watched jobs again, after notifications may have been lost. Throws UNAVAILABLE. */
  async readAllAgain(): Promise<void> {
    await Promise.all([this.jobs.readAgain(), this.owners.readAgain()]);
  }

  /** Wakes all watchers. Afterwards no watcher waits. */
  async close(): Promise<void> {
    await Promise.all([this.jobs.close(), this.owners.close()]);
  }
}
