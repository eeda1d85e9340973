import type { DatabaseSync } from "node:sqlite";
import type { JobState } from "../../../jobs/job.ts";
import type { Summary } from "../commit-group.ts";

interface Count {
  readonly owner: string;
  readonly state: JobState;
  readonly storedJobs: number;
  jobs: number;
}

/**
 * Maintains a table with the number of jobs of each owner by state, so that quotas and statistics need not count rows.
 * The changes of all operations in a transaction are written once, at its end.
 */
export class JobCounts implements Summary {
  readonly #read;
  readonly #write;
  readonly #remove;
  /** The counts that the transaction has read or changed since the last write. */
  readonly #counts = new Map<string, Count>();

  constructor(db: DatabaseSync) {
    this.#read = db.prepare("SELECT jobs FROM job_count WHERE state = ? AND owner = ?");
    this.#write = db.prepare("INSERT OR REPLACE INTO job_count (state, owner, jobs) VALUES (?, ?, ?)");
    this.#remove = db.prepare("DELETE FROM job_count WHERE state = ? AND owner = ?");
  }

  /** The number of an owner's jobs in a state. Must be called within a transaction. */
  of(owner: string, state: JobState): number {
    return this.#count(owner, state).jobs;
  }

  /** Records that a job was added (`from` is undefined), changed its state, or was removed (`to` is undefined). */
  moved(owner: string, from: JobState | undefined, to: JobState | undefined): void {
    if (from === to) return;
    if (from !== undefined) this.#count(owner, from).jobs -= 1;
    if (to !== undefined) this.#count(owner, to).jobs += 1;
  }

  write(): void {
    for (const { owner, state, storedJobs, jobs } of this.#counts.values()) {
      if (jobs === storedJobs) continue;
      if (jobs === 0) this.#remove.run(state, owner);
      else this.#write.run(state, owner, jobs);
    }
    this.#counts.clear();
  }

  discard(): void {
    this.#counts.clear();
  }

  #count(owner: string, state: JobState): Count {
    const key = `${state}\n${owner}`;
    let count = this.#counts.get(key);
    if (count === undefined) {
      const storedJobs = Number(this.#read.get(state, owner)?.jobs ?? 0);
      count = { owner, state, storedJobs, jobs: storedJobs };
      this.#counts.set(key, count);
    }
    return count;
  }
}
