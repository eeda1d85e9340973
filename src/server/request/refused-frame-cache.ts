import { SealwireError } from "../../errors.ts";
import type { Clock } from "../../runtime/clock.ts";

/** Maximum number of refused frames that are stored individually for one key. */
const REFUSED_PER_KEY_MAX = 10_000;
/** Maximum number of refused frames that are stored individually for all keys. */
const REFUSED_MAX = 100_000;

/** Identifies a frame among those of its key. */
export interface FrameStamp {
  readonly nonce: Uint8Array;
  readonly tsMs: number;
}

/** The times that decide how long a refused frame could be accepted: wall clock and monotonic clock. */
interface Remembered {
  readonly tsMs: number;
  readonly addedAtMs: number;
}

/** The refused frames of one key. */
interface KeyRecord {
  readonly frames: Map<string, Remembered>;
  /** Every frame with a `ts_ms` up to this is refused. */
  untilMs: number;
  /**
   * Every frame with a `ts_ms` in this range is refused. The range was ahead of the accepted window when it was set.
   */
  aheadFromMs: number;
  aheadToMs: number;
  /** The newest `ts_ms`, and the time when the last frame was added. */
  lastTsMs: number;
  lastAddedAtMs: number;
}

/**
 * Stores the frames that were refused before their nonce was claimed: over a limit, or while the store was unavailable.
 * Their signatures are valid. Without this cache, anyone who has seen such a frame could send it again and have it
 * executed, although its signer was told that it was refused.
 *
 * Kept in memory only, and bounded. Above 10,000 frames of one key, or 100,000 of all keys, the individual frames of a
 * key are replaced by a time, and every frame of the key up to that time is refused.
 */
export class RefusedFrameCache {
  readonly #clock: Clock;
  readonly #maxAgeMs: number;
  readonly #maxAheadMs: number;
  readonly #keys = new Map<string, KeyRecord>();
  #size = 0;

  constructor(options: { readonly clock: Clock; readonly maxAgeMs: number; readonly maxAheadMs: number }) {
    this.#clock = options.clock;
    this.#maxAgeMs = options.maxAgeMs;
    this.#maxAheadMs = options.maxAheadMs;
  }

  /** Number of frames that are stored individually. */
  get size(): number {
    return this.#size;
  }

  /** Throws REPLAYED for a refused frame, and RATE_LIMITED for a frame within a time range in which all are refused. */
  check(keyId: string, frame: FrameStamp): void {
    if (this.#keys.size === 0) return;
    const record = this.#keys.get(keyId);
    if (record === undefined) return;
    if (this.#isOver(record.lastTsMs, record.lastAddedAtMs)) {
      this.#size -= record.frames.size;
      this.#keys.delete(keyId);
    } else if (record.frames.has(textOf(frame.nonce))) {
      throw new SealwireError(
        "REPLAYED",
        "This frame was refused before; sign every attempt anew with a fresh nonce, as `sealwire sign` does.",
      );
    } else if (frame.tsMs <= record.untilMs || (frame.tsMs >= record.aheadFromMs && frame.tsMs <= record.aheadToMs)) {
      throw new SealwireError(
        "RATE_LIMITED",
        "So many frames of this key were refused that every frame with this ts_ms is refused; wait for the retry delay and sign anew.",
        { retryDelayMs: this.#delayPast(record, frame.tsMs) },
      );
    }
  }

  /** Adds a refused frame. */
  add(keyId: string, { nonce, tsMs }: FrameStamp): void {
    const record = this.#recordOf(keyId);
    if (record.frames.size >= REFUSED_PER_KEY_MAX) this.#makeRoom(record, REFUSED_PER_KEY_MAX);
    if (this.#size >= REFUSED_MAX) this.#makeRoomForAll();
    const addedAtMs = this.#clock.monotonicMs();
    const before = record.frames.size;
    record.frames.set(textOf(nonce), { tsMs, addedAtMs });
    this.#size += record.frames.size - before;
    record.lastTsMs = Math.max(record.lastTsMs, tsMs);
    record.lastAddedAtMs = addedAtMs;
  }

  #recordOf(keyId: string): KeyRecord {
    let record = this.#keys.get(keyId);
    if (record === undefined) {
      const never = Number.NEGATIVE_INFINITY;
      record = {
        frames: new Map(),
        untilMs: never,
        aheadFromMs: Number.POSITIVE_INFINITY,
        aheadToMs: never,
        lastTsMs: never,
        lastAddedAtMs: never,
      };
      this.#keys.set(keyId, record);
    }
    return record;
  }

  /** Removes frames that are too old to be accepted. If that is not enough, replaces all by a time range. */
  #makeRoom(record: KeyRecord, most: number): void {
    const before = record.frames.size;
    for (const [nonce, { tsMs, addedAtMs }] of record.frames) {
      if (!this.#isOver(tsMs, addedAtMs)) break;
      record.frames.delete(nonce);
    }
    if (record.frames.size >= most) this.#stamp(record);
    this.#size -= before - record.frames.size;
  }

  #makeRoomForAll(): void {
    let largest: KeyRecord | undefined;
    for (const record of this.#keys.values()) {
      this.#makeRoom(record, REFUSED_PER_KEY_MAX);
      if (largest === undefined || record.frames.size > largest.frames.size) largest = record;
    }
    if (largest !== undefined && this.#size >= REFUSED_MAX) this.#makeRoom(largest, 0);
  }

  #stamp(record: KeyRecord): void {
    const windowEndMs = this.#clock.nowMs() + this.#maxAheadMs;
    for (const { tsMs } of record.frames.values()) {
      if (tsMs <= windowEndMs) {
        record.untilMs = Math.max(record.untilMs, tsMs);
      } else {
        record.aheadFromMs = Math.min(record.aheadFromMs, tsMs);
        record.aheadToMs = Math.max(record.aheadToMs, tsMs);
      }
    }
    record.frames.clear();
  }

  /** True once a frame is too old by both clocks. The wall clock alone may have been set forward. */
  #isOver(tsMs: number, addedAtMs: number): boolean {
    const windowMs = this.#maxAgeMs + this.#maxAheadMs;
    return this.#clock.nowMs() > tsMs + this.#maxAgeMs && this.#clock.monotonicMs() > addedAtMs + windowMs;
  }

  /** Milliseconds until a newly signed frame is outside the refused range. */
  #delayPast(record: KeyRecord, tsMs: number): number {
    const endMs = tsMs <= record.untilMs ? record.untilMs : record.aheadToMs;
    return Math.min(Math.max(endMs - this.#clock.nowMs(), 0) + 1, this.#maxAheadMs + 1);
  }
}

function textOf(nonce: Uint8Array): string {
  return Buffer.from(nonce.buffer, nonce.byteOffset, nonce.byteLength).toString("latin1");
}
