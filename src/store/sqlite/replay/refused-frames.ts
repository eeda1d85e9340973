import type { DatabaseSync } from "node:sqlite";
import {
  bandOf,
  clampStamp,
  FAR_AHEAD_MS,
  REFUSED_NONCES_MAX,
  REFUSED_NONCES_TOTAL_MAX,
  rangeAround,
  type StampRange,
} from "../../refused-stamps.ts";
import type { CommitGroup } from "../commit-group.ts";

/**
 * How long refused frames are kept after their timestamp has passed, in milliseconds. A clock may be set back by a day.
 */
const KEPT_MS = 2 * 24 * 60 * 60 * 1000;

/** Client id of ranges for all clients, which are made of rows without a client. */
export const ANY_CLIENT = "";

/** A refused frame: 64 bits of the digest of its nonce and its timestamp, Unix milliseconds. */
export interface RefusedNonce {
  readonly clientId: string;
  readonly fingerprint: Buffer;
  readonly tsMs: number;
}

/** A range of timestamps of a client in which every frame counts as refused. */
export interface RefusedRange extends StampRange {
  readonly clientId: string;
  readonly band: number;
}

/**
 * The frames that were refused because they were ahead of the window: their nonces up to a number per client, and
 * ranges of timestamps beyond it. A refusal is on disk before the caller receives it.
 */
export class RefusedFrames {
  readonly #commits: CommitGroup;
  readonly #statements;
  readonly #nonces = new Map<bigint, RefusedNonce>();
  readonly #held = new Map<string, number>();
  readonly #ranges = new Map<string, Map<number, RefusedRange>>();

  constructor(db: DatabaseSync, commits: CommitGroup) {
    this.#commits = commits;
    this.#statements = {
      insertNonce: db.prepare("INSERT OR IGNORE INTO refused_nonce VALUES (?, ?, ?)"),
      deleteNonce: db.prepare("DELETE FROM refused_nonce WHERE client_id = ? AND fingerprint = ?"),
      writeRange: db.prepare("INSERT OR REPLACE INTO refused_range VALUES (?, ?, ?, ?)"),
      deleteRange: db.prepare("DELETE FROM refused_range WHERE client_id = ? AND band = ?"),
    };
    const nonces = db.prepare("SELECT client_id AS clientId, fingerprint, ts_ms AS tsMs FROM refused_nonce");
    for (const { clientId, fingerprint, tsMs } of nonces.iterate() as Iterable<unknown> as Iterable<RefusedNonce>) {
      this.#keep({ clientId, fingerprint: Buffer.from(fingerprint), tsMs });
    }
    const ranges = db.prepare(
      "SELECT client_id AS clientId, band, from_ms AS fromMs, to_ms AS toMs FROM refused_range",
    );
    for (const range of ranges.iterate() as Iterable<unknown> as Iterable<RefusedRange>) this.#put({ ...range });
  }

  /** Number of individually stored nonces. */
  get size(): number {
    return this.#nonces.size - (this.#held.get(ANY_CLIENT) ?? 0);
  }

  /** True if exactly this frame was refused. */
  has(fingerprint: Buffer): boolean {
    return this.#nonces.size > 0 && this.#nonces.has(keyOf(fingerprint));
  }

  /** The refused range of a client that contains the timestamp. */
  find(clientId: string, tsMs: number): RefusedRange | undefined {
    if (this.#ranges.size === 0) return undefined;
    for (const client of [clientId, ANY_CLIENT]) {
      for (const range of this.#ranges.get(client)?.values() ?? []) {
        if (range.fromMs <= tsMs && tsMs <= range.toMs) return range;
      }
    }
    return undefined;
  }

  /** Adds a nonce in memory that is already in the store. */
  hold({ fingerprint, ...nonce }: RefusedNonce): void {
    this.#keep({ ...nonce, fingerprint: Buffer.from(fingerprint) });
  }

  /**
   * Records a frame that is ahead of the window. A known frame is written again, because an earlier write may be
   * pending or may have failed. Throws UNAVAILABLE.
   */
  async add(frame: RefusedNonce, nowMs: number): Promise<void> {
    const { clientId, fingerprint } = frame;
    const tsMs = clampStamp(frame.tsMs);
    const { insertNonce, writeRange } = this.#statements;
    const isKnown = this.has(fingerprint);
    const isFull =
      (this.#held.get(clientId) ?? 0) >= REFUSED_NONCES_MAX || this.#nonces.size >= REFUSED_NONCES_TOTAL_MAX;
    let range = this.find(clientId, tsMs);
    if (range === undefined && !isKnown && (isFull || tsMs - nowMs > FAR_AHEAD_MS)) {
      range = this.#grown(clientId, bandOf(tsMs - nowMs), rangeAround(tsMs));
      this.#put(range);
    }
    if (range === undefined) {
      if (!isKnown) this.#keep({ clientId, fingerprint, tsMs });
      await this.#commits.run(() => insertNonce.run(clientId, fingerprint, Math.trunc(tsMs)));
    } else {
      const { clientId: owner, band, fromMs, toMs } = range;
      await this.#commits.run(() => writeRange.run(owner, band, fromMs, toMs));
    }
  }

  /** Deletes frames that cannot be accepted any more, even if the clock is set back by a day. */
  async sweep(nowMs: number, maxAgeMs: number): Promise<number> {
    const { deleteNonce, deleteRange } = this.#statements;
    const beforeMs = nowMs - maxAgeMs - KEPT_MS;
    const nonces = [...this.#nonces].filter(([, { tsMs }]) => tsMs < beforeMs);
    const ranges = [...this.#ranges.values()].flatMap((bands) =>
      [...bands.values()].filter(({ toMs }) => toMs < beforeMs),
    );
    if (nonces.length + ranges.length === 0) return 0;
    await this.#commits.run(() => {
      for (const [, { clientId, fingerprint }] of nonces) deleteNonce.run(clientId, fingerprint);
      for (const { clientId, band } of ranges) deleteRange.run(clientId, band);
    });
    for (const [key, { clientId }] of nonces) {
      if (this.#nonces.delete(key)) this.#held.set(clientId, (this.#held.get(clientId) ?? 1) - 1);
    }
    for (const range of ranges) {
      const bands = this.#ranges.get(range.clientId);
      // Keeps a range that grew during the deletion. It was written again.
      if (bands?.get(range.band) === range) bands.delete(range.band);
    }
    return nonces.length;
  }

  /** A client's range of a band, extended to contain another range. */
  #grown(clientId: string, band: number, { fromMs, toMs }: StampRange): RefusedRange {
    const known = this.#ranges.get(clientId)?.get(band);
    return {
      clientId,
      band,
      fromMs: Math.min(known?.fromMs ?? fromMs, fromMs),
      toMs: Math.max(known?.toMs ?? toMs, toMs),
    };
  }

  #keep(nonce: RefusedNonce): void {
    this.#nonces.set(keyOf(nonce.fingerprint), nonce);
    this.#held.set(nonce.clientId, (this.#held.get(nonce.clientId) ?? 0) + 1);
  }

  #put(range: RefusedRange): void {
    const bands = this.#ranges.get(range.clientId) ?? new Map<number, RefusedRange>();
    bands.set(range.band, range);
    this.#ranges.set(range.clientId, bands);
  }
}

function keyOf(fingerprint: Buffer): bigint {
  return fingerprint.readBigUInt64LE(0);
}
