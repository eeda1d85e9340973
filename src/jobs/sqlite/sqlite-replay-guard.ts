import type { DatabaseSync } from "node:sqlite";
import { SealwireError } from "../../errors.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { NonceClaim, ReplayGuard } from "../store.ts";
import type { CommitGroup } from "./commit-group.ts";
import { type Nonces, prepareNonces } from "./nonces.ts";
import { ReplayMark } from "./replay-mark.ts";
import { reading } from "./storage-error.ts";
import { MAX_AHEAD_MS, type StoreState } from "./store-state.ts";

const SLICE = 1_000;

/** A connection with the group that writes through it. */
export interface Connection {
  readonly db: DatabaseSync;
  readonly commits: CommitGroup;
}

/** What the replay guard of an embedded store is made of. */
export interface SqliteReplayGuardOptions {
  /** Commits are synced. */
  readonly durable: Connection;
  /** Commits survive a crash of the process, not a loss of power. */
  readonly quick: Connection;
  readonly state: StoreState;
  readonly clock: Clock;
}

/** The {@link ReplayGuard} of the embedded store (docs/protocol.md, Replay guard). */
export class SqliteReplayGuard implements ReplayGuard {
  readonly #options: SqliteReplayGuardOptions;
  readonly #quick: Nonces;
  readonly #durable: Nonces;
  readonly #mark: ReplayMark;
  readonly #blindUntilMs: number;
  #floorMs: number;
  #held: number;

  constructor(options: SqliteReplayGuardOptions) {
    const { durable, quick, state } = options;
    this.#options = options;
    this.#quick = prepareNonces(quick.db);
    this.#durable = prepareNonces(durable.db);
    this.#mark = new ReplayMark(durable.db, durable.commits, state.replayMarkMs);
    this.#blindUntilMs = state.replayBlindUntilMs;
    this.#floorMs = state.replayFloorMs;
    this.#held = this.#quick.count();
  }

  async claim(claim: NonceClaim): Promise<boolean> {
    const { durable, quick, clock } = this.#options;
    if (claim.tsMs <= this.#blindUntilMs) {
      throw new SealwireError(
        "UNAVAILABLE",
        "After a loss of power, or from a backup, the server cannot tell whether this frame is new; sign it anew.",
        {
          retryDelayMs: this.#blindUntilMs - claim.tsMs + 1,
        },
      );
    }
    // What is refused anyway must not drive the mark.
    if (claim.tsMs > clock.nowMs() + MAX_AHEAD_MS) return this.#insert(claim, this.#durable, durable.commits);
    if (!this.#mark.covers(claim.tsMs)) await this.#mark.raiseTo(claim.tsMs);
    return this.#insert(claim, this.#quick, quick.commits);
  }

  async sweep(): Promise<number> {
    const { quick, clock } = this.#options;
    let removed = 0;
    while (reading(() => this.#quick.due(clock.nowMs()))) {
      const slice = await quick.commits.run(() => this.#removeSlice(clock.nowMs()));
      this.#held -= slice;
      removed += slice;
    }
    return removed;
  }

  async size(): Promise<number> {
    return this.#held;
  }

  /** The floor in memory rises before the commit, since claims of the same transaction must see it. */
  #removeSlice(nowMs: number): number {
    const { removed, floorMs } = this.#quick.remove(SLICE, nowMs);
    this.#floorMs = floorMs;
    return removed;
  }

  /** The floor is compared inside the transaction: a sweep may have raised it since the claim was made. */
  #insert(claim: NonceClaim, nonces: Nonces, commits: CommitGroup): Promise<boolean> {
    return commits.runStatement(
      () => claim.expiresAtMs > this.#floorMs && nonces.insert(claim),
      (inserted) => {
        if (inserted) this.#held += 1;
      },
    );
  }
}
