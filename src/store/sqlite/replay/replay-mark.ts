import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { CommitGroup } from "../commit-group.ts";

const STEP_MS = 10_000;

/**
 * A durable time at or above the stamp of every frame whose nonce was claimed and may not be on the disk. Claims
 * themselves are not synced; after a power loss the mark tells which frames could be among the forgotten ones.
 */
export class ReplayMark {
  readonly #commits: CommitGroup;
  readonly #write: StatementSync;
  readonly #lower: StatementSync;
  /** Opening the store has synced whatever was claimed before. */
  #atMs = 0;
  #raising: Promise<void> | undefined;

  constructor(db: DatabaseSync, commits: CommitGroup) {
    this.#commits = commits;
    this.#write = db.prepare("UPDATE store_state SET replay_mark_ms = max(replay_mark_ms, ?)");
    this.#lower = db.prepare("UPDATE store_state SET replay_mark_ms = min(replay_mark_ms, ?)");
  }

  /** True if frames stamped `tsMs` may be accepted as things are. */
  covers(tsMs: number): boolean {
    return tsMs <= this.#atMs;
  }

  /** Resolves once the mark durably covers `tsMs`. Those who ask meanwhile share the sync. Throws UNAVAILABLE. */
  async raiseTo(tsMs: number): Promise<void> {
    while (!this.covers(tsMs)) {
      this.#raising ??= this.#raise(tsMs).finally(() => {
        this.#raising = undefined;
      });
      await this.#raising;
    }
  }

  /**
   * Lowers a mark that a clock has raised which then stood ahead. The sync that goes with it brings what was claimed
   * until then onto the disk. Throws UNAVAILABLE.
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
