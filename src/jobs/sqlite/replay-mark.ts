import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { CommitGroup } from "./commit-group.ts";

const STEP_MS = 10_000;

/**
 * A durable time at or above the stamp of every frame whose nonce was claimed. Claims themselves are not synced; after
 * a power loss the mark tells which frames could be among the forgotten ones.
 */
export class ReplayMark {
  readonly #commits: CommitGroup;
  readonly #write: StatementSync;
  #atMs: number;
  #raising: Promise<void> | undefined;

  constructor(db: DatabaseSync, commits: CommitGroup, atMs: number) {
    this.#commits = commits;
    this.#write = db.prepare("UPDATE store_state SET replay_mark_ms = max(replay_mark_ms, ?)");
    this.#atMs = atMs;
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
