import { hash } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import type { Clock } from "../../../runtime/clock.ts";
import type { Logger } from "../../../runtime/logger.ts";
import type { SettableCondition } from "../../condition.ts";
import { freshnessUnknown } from "../../freshness-unknown.ts";
import { FAR_AHEAD_MS } from "../../refused-stamps.ts";
import type { FrameWindow, NonceClaim, ReplayGuard } from "../../store.ts";
import type { CommitGroup } from "../commit-group.ts";
import { reading } from "../storage-error.ts";
import { type EnteredState, prepareReplayState, type ReplayState } from "../store-state.ts";
import { ClockWatch } from "./clock-watch.ts";
import { type ForgottenStamps, type ForgottenStampsTable, prepareForgottenStamps } from "./forgotten-stamps.ts";
import { NonceAges } from "./nonce-ages.ts";
import {
  FINGERPRINT_BYTES,
  type LogRows,
  type NonceLog,
  NonceWriter,
  OUTDATED_WINDOW_MS,
  prepareNonceLog,
  type RemovalTimes,
  type RemovedNonces,
} from "./nonce-log.ts";
import { NonceSet } from "./nonce-set.ts";
import { ANY_CLIENT, RefusedFrames } from "./refused-frames.ts";
import { ReplayMark } from "./replay-mark.ts";

/** Rows per transaction of a sweep. */
const SLICE = 1_000;

/** A connection with its commit group. */
export interface WriteConnection {
  readonly db: DatabaseSync;
  readonly commits: CommitGroup;
}

/** Options of a {@link SqliteReplayGuard}. */
export interface SqliteReplayGuardOptions {
  /** Commits are synced to disk. */
  readonly durable: WriteConnection;
  /** Commits survive a crash of the process, but not a power loss. */
  readonly quick: WriteConnection;
  readonly state: EnteredState;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly condition: SettableCondition;
}

/**
 * The {@link ReplayGuard} of the embedded store (docs/protocol-server.md, Replay guard). The store has one owner, so nonces
 * are kept in memory, and a log in the store restores them after a restart. A nonce is forgotten when its window has
 * passed by both the wall clock and the monotonic clock since it was claimed or read. Its timestamp is then in the
 * {@link ForgottenStamps}, so that setting the clock back does not make it acceptable again.
 */
export class SqliteReplayGuard implements ReplayGuard {
  readonly #options: SqliteReplayGuardOptions;
  readonly #known = new NonceSet();
  readonly #refused: RefusedFrames;
  readonly #writer: NonceWriter;
  readonly #log: NonceLog;
  readonly #numbers = { next: 1 };
  readonly #ages: NonceAges;
  readonly #mark: ReplayMark;
  readonly #stateTable: ReplayState;
  readonly #forgottenTable: ForgottenStampsTable;
  readonly #forgotten: ForgottenStamps;
  readonly #clockWatch: ClockWatch;
  #window: FrameWindow;
  #blindUntilMs: number;
  /** Time at which the store was found to be incomplete. A wider window extends the refused range from this time. */
  #suspectAtMs: number | undefined;
  #refusesNow = false;
  #held = 0;

  constructor(options: SqliteReplayGuardOptions) {
    const { durable, quick, state, clock, logger } = options;
    this.#options = options;
    this.#log = prepareNonceLog(quick.db, this.#numbers);
    this.#writer = new NonceWriter({
      log: this.#log,
      commits: quick.commits,
      maxAgeMs: () => this.#window.maxAgeMs,
      written: (expiresAtMs) => this.#ages.written(expiresAtMs),
    });
    this.#mark = new ReplayMark(durable.db, durable.commits);
    this.#stateTable = prepareReplayState(durable.db);
    this.#forgottenTable = prepareForgottenStamps(quick.db);
    this.#forgotten = this.#forgottenTable.read();
    this.#refused = new RefusedFrames(durable.db, durable.commits);
    this.#clockWatch = new ClockWatch(clock, logger);
    this.#window = { maxAgeMs: state.maxAgeMs, maxAheadMs: state.maxAheadMs };
    this.#blindUntilMs = state.replayBlindUntilMs;
    if (state.suspect) this.#suspectAtMs = clock.nowMs();
    const outdatedFromMs = clock.nowMs() + OUTDATED_WINDOW_MS;
    for (const { fingerprint, tsMs, outdated } of this.#log.read()) {
      if (outdated && tsMs > outdatedFromMs) this.#refused.hold({ clientId: ANY_CLIENT, fingerprint, tsMs });
      else this.#known.add(fingerprint, tsMs);
      this.#held += 1;
    }
    const lastSeq = this.#log.lastSeq();
    this.#numbers.next = lastSeq + 1;
    this.#ages = new NonceAges(clock.monotonicMs(), lastSeq, this.#log.expiries());
  }

  async widen({ maxAgeMs, maxAheadMs }: FrameWindow): Promise<void> {
    const wider = {
      maxAgeMs: Math.max(this.#window.maxAgeMs, maxAgeMs),
      maxAheadMs: Math.max(this.#window.maxAheadMs, maxAheadMs),
    };
    if (wider.maxAgeMs === this.#window.maxAgeMs && wider.maxAheadMs === this.#window.maxAheadMs) return;
    await this.#options.durable.commits.run(() => this.#stateTable.widen(wider));
    this.#window = wider;
    if (this.#suspectAtMs !== undefined) await this.#raiseBlind(this.#suspectAtMs + wider.maxAheadMs);
  }

  async claim(claim: NonceClaim): Promise<boolean> {
    this.#options.condition.throwUnlessServing();
    const { clientId, tsMs } = claim;
    this.#throwIfUnknown(clientId, tsMs);
    if (!this.#mark.covers(tsMs)) {
      await this.#mark.raiseTo(tsMs);
      this.#throwIfUnknown(clientId, tsMs);
    }
    const fingerprint = fingerprintOf(claim);
    if (this.#refused.has(fingerprint) || !this.#known.add(fingerprint, tsMs)) return false;
    // If this fails the nonce remains spent, and the sender must use a new one.
    await this.#writer.write({ fingerprint, tsMs });
    this.#held += 1;
    return true;
  }

  async refuse(claim: NonceClaim): Promise<void> {
    this.#options.condition.throwUnlessServing();
    const { clientId, tsMs } = claim;
    const fingerprint = fingerprintOf(claim);
    await this.#refused.add({ clientId, fingerprint, tsMs }, this.#options.clock.nowMs());
  }

  async distrust(): Promise<void> {
    this.#suspectAtMs = this.#options.clock.nowMs();
    await this.#raiseBlind(this.#suspectAtMs + this.#window.maxAheadMs);
  }

  async sweep(): Promise<number> {
    const { clock } = this.#options;
    this.#clockWatch.look();
    this.#ages.note(clock.monotonicMs(), this.#numbers.next - 1);
    await this.#mark.lowerTo(clock.nowMs() + this.#window.maxAheadMs);
    let swept = await this.#refused.sweep(this.#clockWatch.steadyMs(), this.#window.maxAgeMs);
    const { maxAgeMs, maxAheadMs } = this.#window;
    const times = { expiredByMs: clock.nowMs(), aheadFromMs: clock.nowMs() + maxAgeMs + FAR_AHEAD_MS };
    for (const rows of this.#ages.due(clock.monotonicMs() - maxAgeMs - maxAheadMs, times)) {
      swept += await this.#removeRows(rows, times);
    }
    this.#tellIfUnknown();
    return swept;
  }

  async size(): Promise<number> {
    return this.#held + this.#refused.size;
  }

  #throwIfUnknown(clientId: string, tsMs: number): void {
    if (tsMs <= this.#blindUntilMs) {
      throw freshnessUnknown(
        tsMs,
        this.#blindUntilMs,
        "The store may have lost the nonces of frames with this timestamp",
      );
    }
    const forgotten = this.#forgotten.find(tsMs) ?? this.#refused.find(clientId, tsMs);
    if (forgotten !== undefined) {
      throw freshnessUnknown(
        tsMs,
        forgotten.toMs,
        "The store no longer contains the nonces of frames with this timestamp",
      );
    }
  }

  /** Removes the rows that `times` selects, one slice per transaction. Returns the number of removed nonces. */
  async #removeRows(rows: LogRows, times: RemovalTimes): Promise<number> {
    let swept = 0;
    for (let removed = SLICE; removed === SLICE; ) {
      const slice = await this.#options.quick.commits.run(() => this.#removeSlice(rows, times));
      removed = slice.rows;
      swept += slice.nonces;
      this.#held -= slice.nonces;
    }
    if (!reading(() => this.#log.holds(rows))) this.#ages.gone(rows);
    return swept;
  }

  /** The timestamps count as forgotten before the commit, so that no claim succeeds between the two. */
  #removeSlice(rows: LogRows, times: RemovalTimes): RemovedNonces {
    const removed = this.#log.remove(rows, times, SLICE);
    if (removed.rows === 0) return removed;
    for (const range of removed.stamps) this.#forgotten.add(range);
    this.#forgottenTable.write(this.#forgotten);
    this.#known.forget((range) => this.#forgotten.covers(range));
    return removed;
  }

  async #raiseBlind(untilMs: number): Promise<void> {
    if (untilMs <= this.#blindUntilMs) return;
    this.#blindUntilMs = untilMs;
    await this.#options.durable.commits.run(() => this.#stateTable.raiseBlind(untilMs));
  }

  /** Logs when frames with the current time begin to be refused, and when they are accepted again. */
  #tellIfUnknown(): void {
    const { clock, logger } = this.#options;
    const nowMs = clock.nowMs();
    const untilMs = Math.max(this.#blindUntilMs, this.#forgotten.find(nowMs)?.toMs ?? 0);
    const refuses = untilMs >= nowMs;
    if (refuses === this.#refusesNow) return;
    this.#refusesNow = refuses;
    if (refuses) {
      logger.error(
        { until_ms: untilMs },
        "frames with the current time are refused, because the store no longer contains the nonces of that time; check the clock; if it is correct, see `sealwire store repair-clock`",
      );
    } else logger.info({}, "frames with the current time are accepted again");
  }
}

/** 64 bits of the digest of client id and nonce. Client ids contain no line breaks. */
function fingerprintOf({ clientId, nonce }: NonceClaim): Buffer {
  const digest = hash("sha256", Buffer.concat([Buffer.from(`${clientId}\n`), nonce]), "buffer");
  return digest.subarray(0, FINGERPRINT_BYTES);
}
