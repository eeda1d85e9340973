import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { CommitGroup } from "../commit-group.ts";

const STEP_MS = 10_000;

/**
 * A durable upper bound of the timestamps of all claimed nonces that may not be on disk. Claims are not synced
 * individually. After a power loss, frames up to the mark may have been forgotten.
 */
export class ReplayMark {
  readonly #commits: CommitGroup;
  readonly #write: StatementSync;
  readonly #lower: StatementSync;
  /** Starts at 0, because opening the store has synced all earlier claims. */
  #atMs = 0;
  #raising: Promise<void> | undefined;

  constructor(db: DatabaseSync, commits: CommitGroup) {
    this.#commits = commits;
    this.#write = db.prepare("UPDATE store_state SET replay_mark_ms = max(replay_mark_ms, ?)");
    this.#lower = db.prepare("UPDATE store_state SET replay_mark_ms = min(replay_mark_ms, ?)");
  }

  /** True if the mark covers `tsMs`, so that frames with this timestamp can be accepted. */
  covers(tsMs: number): boolean {
    return tsMs <= this.#atMs;
  }

  /** Resolves when the mark durably covers `tsMs`. Concurrent calls share one sync. Throws UNAVAILABLE. */
  async raiseTo(tsMs: number): Promise<void> {
    while (!this.covers(tsMs)) {
      this.#raising ??= this.#raise(tsMs).finally(() => {
        this.#raising = undefined;
      });
      await this.#raising;
    }
  }

  /**
   * Lowers a mark that was raised while the clock was ahead. Its sync also writes all earlier claims to disk. Throws
   * UNAVAILABLE.
   */
  async lowerTo(latestMs: number): Promise<void> {
    const lowestMs = latestMs + STEP_MS;
    if (this.#atMs <= lowestMs || this.#raising !== undefined) return;
    this.#atMs = lowestMs;
    await this.#commits.run(() => this.#lower.run(lowestMs));
  }

  async #raise(tsMs: number): Promise<void> {
    const raisedMs = (Math.floor(tsMs / STEP_MS) + 1) * STEP_MS;
    await this.#commits.run(
      () => this.#write.run(raisedMs),
      () => {
        this.#atMs = raisedMs;
      },
    );
  }
}
