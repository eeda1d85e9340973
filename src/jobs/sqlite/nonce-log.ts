import type { DatabaseSync } from "node:sqlite";
import type { CommitGroup } from "./commit-group.ts";

/** A nonce that was claimed: 64 bits of its digest, and until when it is remembered, Unix milliseconds. */
export interface LoggedNonce {
  readonly fingerprint: Buffer;
  readonly expiresAtMs: number;
}

const FINGERPRINT_BYTES = 8;
const ENTRY_BYTES = FINGERPRINT_BYTES + 8;

/** The operations on the log of claimed nonces of one connection: a row for each group of claims. */
export interface NonceLog {
  append(nonces: readonly LoggedNonce[]): void;
  read(): Iterable<LoggedNonce>;
  /** True if all nonces of a row have expired; a cheap read. */
  due(nowMs: number): boolean;
  /** Removes up to `limit` such rows and raises the floor to the latest of their nonces, in the same transaction. */
  remove(limit: number, nowMs: number): { readonly removed: number; readonly floorMs: number };
}

/** Prepares the operations on the log. */
export function prepareNonceLog(db: DatabaseSync): NonceLog {
  const append = db.prepare("INSERT INTO nonce_log (expires_at_ms, nonces) VALUES (?, ?)");
  const read = db.prepare("SELECT nonces FROM nonce_log");
  const due = db.prepare("SELECT 1 FROM nonce_log WHERE expires_at_ms <= ? LIMIT 1");
  const expired = db.prepare(
    "SELECT seq, expires_at_ms AS expiresAtMs, length(nonces) AS bytes FROM nonce_log WHERE expires_at_ms <= ? ORDER BY expires_at_ms LIMIT ?",
  );
  const remove = db.prepare("DELETE FROM nonce_log WHERE seq = ?");
  const raiseFloor = db.prepare(
    "UPDATE store_state SET replay_floor_ms = max(replay_floor_ms, ?) RETURNING replay_floor_ms AS floorMs",
  );

  return {
    append(nonces) {
      const bytes = Buffer.alloc(nonces.length * ENTRY_BYTES);
      let latestMs = 0;
      nonces.forEach(({ fingerprint, expiresAtMs }, index) => {
        fingerprint.copy(bytes, index * ENTRY_BYTES, 0, FINGERPRINT_BYTES);
        bytes.writeDoubleLE(expiresAtMs, index * ENTRY_BYTES + FINGERPRINT_BYTES);
        latestMs = Math.max(latestMs, expiresAtMs);
      });
      append.run(latestMs, bytes);
    },
    *read() {
      for (const row of read.iterate()) {
        const { buffer, byteOffset, byteLength } = row.nonces as Uint8Array;
        const bytes = Buffer.from(buffer, byteOffset, byteLength);
        for (let at = 0; at < bytes.length; at += ENTRY_BYTES) {
          const expiresAtMs = bytes.readDoubleLE(at + FINGERPRINT_BYTES);
          yield { fingerprint: bytes.subarray(at, at + FINGERPRINT_BYTES), expiresAtMs };
        }
      }
    },
    due: (nowMs) => due.get(nowMs) !== undefined,
    remove(limit, nowMs) {
      const rows = expired.all(nowMs, limit) as unknown as { seq: number; expiresAtMs: number; bytes: number }[];
      for (const row of rows) remove.run(row.seq);
      const floor = raiseFloor.get(rows.at(-1)?.expiresAtMs ?? 0);
      const removed = rows.reduce((sum, { bytes }) => sum + bytes / ENTRY_BYTES, 0);
      return { removed, floorMs: Number(floor?.floorMs) };
    },
  };
}

/** Writes all nonces of one transaction into one row. */
export class NonceWriter {
  readonly #log: NonceLog;
  readonly #commits: CommitGroup;
  /** Those that the next transaction takes, and when it is committed. */
  #next: { readonly nonces: LoggedNonce[]; readonly committed: Promise<void> } | undefined;

  constructor(log: NonceLog, commits: CommitGroup) {
    this.#log = log;
    this.#commits = commits;
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
      this.#log.append(nonces);
    });
    committed.catch(over);
    return { nonces, committed };
  }
}
