import type { DatabaseSync } from "node:sqlite";
import type { StampRange } from "../../refused-stamps.ts";
import type { CommitGroup } from "../commit-group.ts";

/** A claimed nonce: 64 bits of its digest and the timestamp of its frame, Unix milliseconds. */
export interface LoggedNonce {
  readonly fingerprint: Buffer;
  readonly tsMs: number;
}

/** Length of a fingerprint, in bytes. */
export const FINGERPRINT_BYTES = 8;
/** Length of a logged nonce, in bytes. */
export const ENTRY_BYTES = FINGERPRINT_BYTES + 8;

/** The rows of the log that may be deleted. */
export interface Removable {
  /** Rows up to this one are old enough by the monotonic clock. */
  readonly lastSeq: number;
  /** Rows that expire at or before this time, Unix milliseconds. */
  readonly expiredByMs: number;
  /** Rows that expire after this time. Their timestamps are so far ahead that the clock must have been wrong. */
  readonly aheadFromMs: number;
}

/** The deleted rows of the log. */
export interface RemovedNonces {
  readonly nonces: number;
  readonly stamps: readonly StampRange[];
}

/** The operations on the log of claimed nonces. Each group of claims is one row. */
export interface NonceLog {
  append(nonces: readonly LoggedNonce[], maxAgeMs: number): void;
  /** Reads the logged nonces. `outdated`: written by layout 1, with an expiry time instead of a timestamp. */
  read(): Iterable<LoggedNonce & { readonly outdated: boolean }>;
  /** Number of the last row; 0 if there is none. */
  lastSeq(): number;
  /** True if there may be rows to delete. A cheap read. */
  due(removable: Removable): boolean;
  /** Deletes up to `limit` rows. */
  remove(removable: Removable, limit: number): RemovedNonces;
}

/**
 * The largest window of servers of layout 1, in milliseconds. A nonce that expires later had a timestamp ahead of the
 * window.
 */
export const OUTDATED_WINDOW_MS = 20 * 60 * 1000;

/** Prepares the operations on the log. */
export function prepareNonceLog(db: DatabaseSync, numbers: { next: number }): NonceLog {
  const append = db.prepare(
    "INSERT INTO nonce_log (seq, expires_at_ms, nonces, from_ms, to_ms) VALUES (?, ?, ?, ?, ?)",
  );
  const read = db.prepare("SELECT nonces, to_ms AS toMs FROM nonce_log");
  const firstSeq = db.prepare("SELECT min(seq) AS value FROM nonce_log");
  const lastSeq = db.prepare("SELECT max(seq) AS value FROM nonce_log");
  const firstExpiry = db.prepare("SELECT min(expires_at_ms) AS value FROM nonce_log");
  const lastExpiry = db.prepare("SELECT max(expires_at_ms) AS value FROM nonce_log");
  const removable = db.prepare(`
    SELECT seq, length(nonces) AS bytes, coalesce(from_ms, expires_at_ms - ${OUTDATED_WINDOW_MS}) AS fromMs,
      coalesce(to_ms, expires_at_ms) AS toMs
    FROM nonce_log
    WHERE seq <= :lastSeq AND (expires_at_ms <= :expiredByMs OR expires_at_ms > :aheadFromMs) ORDER BY seq LIMIT :limit`);
  const remove = db.prepare("DELETE FROM nonce_log WHERE seq = ?");

  return {
    append(nonces, maxAgeMs) {
      let fromMs = Number.POSITIVE_INFINITY;
      let toMs = Number.NEGATIVE_INFINITY;
      for (const { tsMs } of nonces) {
        if (tsMs < fromMs) fromMs = tsMs;
        if (tsMs > toMs) toMs = tsMs;
      }
      append.run(numbers.next, toMs + maxAgeMs, packEntries(nonces), fromMs, toMs);
      numbers.next += 1;
    },
    *read() {
      for (const row of read.iterate()) {
        const outdated = row.toMs === null;
        for (const nonce of readEntries(row.nonces as Uint8Array)) yield { ...nonce, outdated };
      }
    },
    lastSeq: () => Number(lastSeq.get()?.value ?? 0),
    due(removable) {
      const first = firstSeq.get()?.value ?? null;
      if (first === null || Number(first) > removable.lastSeq) return false;
      return (
        Number(firstExpiry.get()?.value) <= removable.expiredByMs ||
        Number(lastExpiry.get()?.value) > removable.aheadFromMs
      );
    },
    remove({ lastSeq, expiredByMs, aheadFromMs }, limit) {
      const rows = removable.all({ lastSeq, expiredByMs, aheadFromMs, limit }) as unknown as (StampRange & {
        readonly seq: number;
        readonly bytes: number;
      })[];
      for (const { seq } of rows) remove.run(seq);
      return { nonces: rows.reduce((sum, { bytes }) => sum + bytes / ENTRY_BYTES, 0), stamps: rows };
    },
  };
}

/** Serializes the nonces of one row for {@link readEntries}. */
export function packEntries(nonces: readonly LoggedNonce[]): Buffer {
  const bytes = Buffer.alloc(nonces.length * ENTRY_BYTES);
  for (const [index, { fingerprint, tsMs }] of nonces.entries()) {
    fingerprint.copy(bytes, index * ENTRY_BYTES);
    bytes.writeDoubleLE(tsMs, index * ENTRY_BYTES + FINGERPRINT_BYTES);
  }
  return bytes;
}

/** Parses the nonces of one row. */
export function* readEntries({ buffer, byteOffset, byteLength }: Uint8Array): Iterable<LoggedNonce> {
  const bytes = Buffer.from(buffer, byteOffset, byteLength);
  for (let at = 0; at < bytes.length; at += ENTRY_BYTES) {
    const tsMs = bytes.readDoubleLE(at + FINGERPRINT_BYTES);
    yield { fingerprint: bytes.subarray(at, at + FINGERPRINT_BYTES), tsMs };
  }
}

/** Writes all nonces of a transaction into one row. */
export class NonceWriter {
  readonly #log: NonceLog;
  readonly #commits: CommitGroup;
  readonly #maxAgeMs: () => number;
  /** The nonces of the next transaction, and its commit. */
  #next: { readonly nonces: LoggedNonce[]; readonly committed: Promise<void> } | undefined;

  constructor(log: NonceLog, commits: CommitGroup, maxAgeMs: () => number) {
    this.#log = log;
    this.#commits = commits;
    this.#maxAgeMs = maxAgeMs;
  }

  /** Resolves when the nonce is committed. Throws UNAVAILABLE. */
  write(nonce: LoggedNonce): Promise<void> {
    this.#next ??= this.#begin();
    this.#next.nonces.push(nonce);
    return this.#next.committed;
  }

  #begin() {
    const nonces: LoggedNonce[] = [];
    const over = (): void => {
      if (this.#next?.nonces === nonces) this.#next = undefined;
    };
    const committed = this.#commits.run(() => {
      over();
      this.#log.append(nonces, this.#maxAgeMs());
    });
    committed.catch(over);
    return { nonces, committed };
  }
}
