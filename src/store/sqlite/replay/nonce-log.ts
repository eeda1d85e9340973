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

/** A range of consecutive rows of the log: those after `afterSeq` up to `lastSeq`. */
export interface LogRows {
  readonly afterSeq: number;
  readonly lastSeq: number;
}

/** Selects the rows to remove among those that are old enough by the monotonic clock. */
export interface RemovalTimes {
  /** Rows that expire at or before this time, Unix milliseconds. */
  readonly expiredByMs: number;
  /** Rows that expire after this time. Their timestamps are so far ahead that the clock must have been wrong. */
  readonly aheadFromMs: number;
}

/** The earliest and the latest expiry time of a set of rows, Unix milliseconds. */
export interface Expiries {
  readonly firstMs: number;
  readonly lastMs: number;
}

/** The deleted rows of the log. */
export interface RemovedNonces {
  readonly rows: number;
  readonly nonces: number;
  readonly stamps: readonly StampRange[];
}

/** The operations on the log of claimed nonces. Each group of claims is one row. */
export interface NonceLog {
  /** Writes a row. Returns its expiry time, Unix milliseconds. */
  append(nonces: readonly LoggedNonce[], maxAgeMs: number): number;
  /** Reads all nonces. `outdated`: the row was written by layout 1, and `tsMs` is an expiry time. */
  read(): Iterable<LoggedNonce & { readonly outdated: boolean }>;
  /** Number of the last row; 0 if there is none. */
  lastSeq(): number;
  /** The range of expiry times of all rows. Scans the table. */
  expiries(): Expiries;
  /** Removes up to `limit` of the rows that `times` selects. */
  remove(rows: LogRows, times: RemovalTimes, limit: number): RemovedNonces;
  /** True if any of the rows exists. A cheap read. */
  holds(rows: LogRows): boolean;
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
  const lastSeq = db.prepare("SELECT max(seq) AS value FROM nonce_log");
  const expiries = db.prepare("SELECT min(expires_at_ms) AS firstMs, max(expires_at_ms) AS lastMs FROM nonce_log");
  const holds = db.prepare("SELECT 1 FROM nonce_log WHERE seq > ? AND seq <= ? LIMIT 1");
  const removable = db.prepare(`
    SELECT seq, length(nonces) AS bytes, coalesce(from_ms, expires_at_ms - ${OUTDATED_WINDOW_MS}) AS fromMs,
      coalesce(to_ms, expires_at_ms) AS toMs
    FROM nonce_log
    WHERE seq > :afterSeq AND seq <= :lastSeq AND (expires_at_ms <= :expiredByMs OR expires_at_ms > :aheadFromMs) ORDER BY seq LIMIT :limit`);
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
      return toMs + maxAgeMs;
    },
    *read() {
      for (const row of read.iterate()) {
        const outdated = row.toMs === null;
        for (const nonce of readEntries(row.nonces as Uint8Array)) yield { ...nonce, outdated };
      }
    },
    lastSeq: () => Number(lastSeq.get()?.value ?? 0),
    expiries() {
      const { firstMs, lastMs } = expiries.get() ?? {};
      return {
        firstMs: Number(firstMs ?? Number.POSITIVE_INFINITY),
        lastMs: Number(lastMs ?? Number.NEGATIVE_INFINITY),
      };
    },
    remove({ afterSeq, lastSeq }, { expiredByMs, aheadFromMs }, limit) {
      const rows = removable.all({ afterSeq, lastSeq, expiredByMs, aheadFromMs, limit }) as unknown as (StampRange & {
        readonly seq: number;
        readonly bytes: number;
      })[];
      for (const { seq } of rows) remove.run(seq);
      const nonces = rows.reduce((sum, { bytes }) => sum + bytes / ENTRY_BYTES, 0);
      return { rows: rows.length, nonces, stamps: rows };
    },
    holds: ({ afterSeq, lastSeq }) => holds.get(afterSeq, lastSeq) !== undefined,
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

/** Options of a {@link NonceWriter}. */
export interface NonceWriterOptions {
  readonly log: NonceLog;
  readonly commits: CommitGroup;
  /** How long a nonce is kept after the timestamp of its frame, in milliseconds. */
  readonly maxAgeMs: () => number;
  /** Called with the expiry time of each new row, Unix milliseconds. */
  readonly written: (expiresAtMs: number) => void;
}

/** Writes all nonces of one transaction into one row. */
export class NonceWriter {
  readonly #options: NonceWriterOptions;
  /** The nonces of the next transaction, and a promise of its commit. */
  #next: { readonly nonces: LoggedNonce[]; readonly committed: Promise<void> } | undefined;

  constructor(options: NonceWriterOptions) {
    this.#options = options;
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
    const { log, commits, maxAgeMs, written } = this.#options;
    const committed = commits.run(() => {
      over();
      written(log.append(nonces, maxAgeMs()));
    });
    committed.catch(over);
    return { nonces, committed };
  }
}
