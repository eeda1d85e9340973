import { hash } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import { SealwireError } from "../../errors.ts";
import type { Clock } from "../../runtime/clock.ts";
import { DEFAULT_FRAME_WINDOW, type FrameWindow, type NonceClaim, type ReplayGuard } from "../store.ts";
import type { CommitGroup } from "./commit-group.ts";
import { type NonceLog, NonceWriter, prepareNonceLog } from "./nonce-log.ts";
import { NonceSet } from "./nonce-set.ts";
import { ReplayMark } from "./replay-mark.ts";
import { reading } from "./storage-error.ts";
import { MAX_AHEAD_MS, type StoreState } from "./store-state.ts";

/** Rows per transaction of a sweep. */
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

/**
 * The {@link ReplayGuard} of the embedded store (docs/protocol.md, Replay guard). The store has one owner, so what is
 * remembered stands in memory; a log in the store brings it back after a restart.
 */
export class SqliteReplayGuard implements ReplayGuard {
  readonly #options: SqliteReplayGuardOptions;
  readonly #known = new NonceSet();
  readonly #quick: NonceWriter;
  readonly #durable: NonceWriter;
  readonly #log: NonceLog;
  readonly #mark: ReplayMark;
  readonly #blindUntilMs: number;
  #floorMs: number;
  #window = DEFAULT_FRAME_WINDOW;
  #held = 0;

  constructor(options: SqliteReplayGuardOptions) {
    const { durable, quick, state, clock } = options;
    this.#options = options;
    this.#log = prepareNonceLog(quick.db);
    this.#quick = new NonceWriter(this.#log, quick.commits);
    this.#durable = new NonceWriter(prepareNonceLog(durable.db), durable.commits);
    this.#mark = new ReplayMark(durable.db, durable.commits, state.replayMarkMs);
    this.#blindUntilMs = state.replayBlindUntilMs;
    this.#floorMs = state.replayFloorMs;
    for (const { fingerprint, expiresAtMs } of this.#log.read()) {
      this.#known.add(fingerprint, expiresAtMs, clock.nowMs());
      this.#held += 1;
    }
  }

  async widen(window: FrameWindow): Promise<void> {
    this.#window = window;
  }

  async refuse(claim: NonceClaim): Promise<void> {
    await this.claim(claim);
  }

  async distrust(): Promise<void> {}

  async claim(claim: NonceClaim): Promise<boolean> {
    const { clock } = this.#options;
    if (claim.tsMs <= this.#blindUntilMs) {
      throw new SealwireError(
        "UNAVAILABLE",
        "After a loss of power the server cannot tell whether this frame is new; sign it anew.",
        {
          retryDelayMs: this.#blindUntilMs - claim.tsMs + 1,
        },
      );
    }
    const nowMs = clock.nowMs();
    const isAhead = claim.tsMs > nowMs + MAX_AHEAD_MS;
    if (!isAhead && !this.#mark.covers(claim.tsMs)) await this.#mark.raiseTo(claim.tsMs);
    // A stamp may be any int64; what expires later than a number can say is kept as long as one can.
    const expiresAtMs = Math.min(claim.tsMs + this.#window.maxAgeMs, Number.MAX_SAFE_INTEGER);
    const fingerprint = fingerprintOf(claim);
    if (expiresAtMs <= this.#floorMs || !this.#known.add(fingerprint, expiresAtMs, nowMs)) return false;
    // If this fails the nonce stays spent, which costs its sender no more than a new one.
    await (isAhead ? this.#durable : this.#quick).write({ fingerprint, expiresAtMs });
    this.#held += 1;
    return true;
  }

  async sweep(): Promise<number> {
    const { quick, clock } = this.#options;
    let swept = 0;
    while (reading(() => this.#log.due(clock.nowMs()))) {
      const removed = await quick.commits.run(() => this.#removeSlice(clock.nowMs()));
      this.#held -= removed;
      swept += removed;
    }
    return swept;
  }

  async size(): Promise<number> {
    return this.#held;
  }

  /** The floor rises before the commit: no claim may come between. */
  #removeSlice(nowMs: number): number {
    const { removed, floorMs } = this.#log.remove(SLICE, nowMs);
    this.#floorMs = floorMs;
    this.#known.forget(floorMs);
    return removed;
  }
}

/** 64 bits of a digest of client and nonce. No client id holds a line break. */
function fingerprintOf({ clientId, nonce }: NonceClaim): Buffer {
  return hash("sha256", Buffer.concat([Buffer.from(`${clientId}\n`), nonce]), "buffer");
}
