import type { DatabaseSync } from "node:sqlite";
import { bandOf, REFUSED_NONCES_TOTAL_MAX, rangeAround, type StampRange } from "../../refused-stamps.ts";
import { ENTRY_BYTES, type LoggedNonce, OUTDATED_WINDOW_MS, packEntries, readEntries } from "./nonce-log.ts";
import { ANY_CLIENT } from "./refused-frames.ts";

/** Nonces per rewritten row. */
const ROW_NONCES = 1_000;

/**
 * Converts the log of layout 1, which stored the nonce of every frame refused for being ahead, without its client and
 * without a limit. If they are too many for memory, ranges of timestamps for all clients replace them.
 */
export function gatherOutdatedNonces(db: DatabaseSync, nowMs: number): void {
  const aheadFromMs = Math.trunc(nowMs) + OUTDATED_WINDOW_MS;
  const counted = db
    .prepare(
      `SELECT coalesce(sum(length(nonces)), 0) / ${ENTRY_BYTES} AS nonces, max(seq) AS lastSeq FROM nonce_log WHERE expires_at_ms > ?`,
    )
    .get(aheadFromMs);
  if (Number(counted?.nonces) <= REFUSED_NONCES_TOTAL_MAX) return;
  const ranges = new Map<number, StampRange>();
  const kept = new RowWriter(db);
  const rows = db.prepare("SELECT nonces FROM nonce_log WHERE expires_at_ms > ? AND seq <= ?");
  const lastSeq = Number(counted?.lastSeq);
  for (const { nonces } of rows.iterate(aheadFromMs, lastSeq)) {
    for (const nonce of readEntries(nonces as Uint8Array)) {
      if (nonce.tsMs <= aheadFromMs) kept.write(nonce);
      else widen(ranges, nowMs, nonce.tsMs);
    }
  }
  db.prepare("DELETE FROM nonce_log WHERE expires_at_ms > ? AND seq <= ?").run(aheadFromMs, lastSeq);
  kept.end();
  const insert = db.prepare("INSERT INTO refused_range VALUES (?, ?, ?, ?)");
  for (const [band, { fromMs, toMs }] of ranges) insert.run(ANY_CLIENT, band, fromMs, toMs);
}

/** The timestamp of a frame precedes its expiry time by at most the largest maximum age. */
function widen(ranges: Map<number, StampRange>, nowMs: number, expiresAtMs: number): void {
  const band = bandOf(expiresAtMs - nowMs);
  const first = rangeAround(expiresAtMs - OUTDATED_WINDOW_MS);
  const last = rangeAround(expiresAtMs);
  const known = ranges.get(band);
  ranges.set(band, {
    fromMs: Math.min(known?.fromMs ?? first.fromMs, first.fromMs),
    toMs: Math.max(known?.toMs ?? last.toMs, last.toMs),
  });
}

/** Writes nonces of layout 1 into separate rows. */
class RowWriter {
  readonly #insert;
  #nonces: LoggedNonce[] = [];

  constructor(db: DatabaseSync) {
    this.#insert = db.prepare("INSERT INTO nonce_log (expires_at_ms, nonces) VALUES (?, ?)");
  }

  write({ fingerprint, tsMs }: LoggedNonce): void {
    this.#nonces.push({ fingerprint: Buffer.from(fingerprint), tsMs });
    if (this.#nonces.length === ROW_NONCES) this.end();
  }

  end(): void {
    if (this.#nonces.length === 0) return;
    this.#insert.run(Math.max(...this.#nonces.map(({ tsMs }) => tsMs)), packEntries(this.#nonces));
    this.#nonces = [];
  }
}
