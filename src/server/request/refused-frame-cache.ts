import { SealwireError } from "../../errors.ts";
import type { Clock } from "../../runtime/clock.ts";

/** Refused frames that are remembered one by one for one key. */
const REFUSED_PER_KEY_MAX = 10_000;
/** Refused frames that are remembered one by one for all keys together. */
const REFUSED_MAX = 100_000;

/** What tells one frame of a key from another. */
export interface FrameStamp {
  readonly nonce: Uint8Array;
  readonly tsMs: number;
}

/** Until when a refused frame could be accepted: by the wall clock, and by a clock that never steps. */
interface Remembered {
  readonly tsMs: number;
  readonly addedAtMs: number;
}

/** What is known of one key's refused frames. */
interface KeyRecord {
  readonly frames: Map<string, Remembered>;
  /** Every frame stamped at or before this is refused. */
  untilMs: number;
  /** Every frame stamped within this span, which lay ahead of the window when it was noted, is refused. */
  aheadFromMs: number;
  aheadToMs: number;
  /** The newest stamp of all, and when the last frame was added. */
  lastTsMs: number;
  lastAddedAtMs: number;
}

/**
 * Remembers the frames that were refused before their nonce was claimed: over a limit, or while the store was away. Their
 * signatures hold, so without this anybody who saw such a frame could send it again and have it carried out, though
 * its signer was told that it was not. In memory only, and bounded: above 10,000 frames of one key,
 * or too many of all keys, a stamp takes the place of the single frames, up to which every frame of the key is refused.
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

  /** Frames remembered one by one now. */
  get size(): number {
    return this.#size;
  }

  /** Throws REPLAYED for a frame that was refused, and RATE_LIMITED for one stamped at a time up to which all are. */
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
        "So many frames of this key were refused that every frame stamped at this time is; wait as told and sign anew.",
        { retryDelayMs: this.#delayPast(record, frame.tsMs) },
      );
    }
  }

  /** The frame has been refused. */
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

  /** Forgets frames that are too old to be accepted; where that is not enough, a stamp takes the place of all. */
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

  /** True once a frame is too old, by the wall clock and, in case that one was set ahead, by the other. */
  #isOver(tsMs: number, addedAtMs: number): boolean {
    const windowMs = this.#maxAgeMs + this.#maxAheadMs;
    return this.#clock.nowMs() > tsMs + this.#maxAgeMs && this.#clock.monotonicMs() > addedAtMs + windowMs;
  }

  /** How long until a frame stamped then is above what is refused. */
  #delayPast(record: KeyRecord, tsMs: number): number {
    const endMs = tsMs <= record.untilMs ? record.untilMs : record.aheadToMs;
    return Math.min(Math.max(endMs - this.#clock.nowMs(), 0) + 1, this.#maxAheadMs + 1);
  }
}

function textOf(nonce: Uint8Array): string {
  return Buffer.from(nonce.buffer, nonce.byteOffset, nonce.byteLength).toString("latin1");
}
