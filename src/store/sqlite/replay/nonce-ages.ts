/**
 * Tracks the age of the rows of the nonce log by the monotonic clock, to the precision of the interval between two
 * notes. The age of rows that existed when the store was opened counts from then.
 */
export class NonceAges {
  /** The last row at each noted time, oldest first. */
  readonly #notes: { readonly atMs: number; readonly seq: number }[];
  #oldSeq = 0;

  constructor(nowMs: number, seq: number) {
    this.#notes = [{ atMs: nowMs, seq }];
  }

  /** Records the newest row at a monotonic time. */
  note(nowMs: number, seq: number): void {
    if (seq === this.#notes.at(-1)?.seq) return;
    this.#notes.push({ atMs: nowMs, seq });
  }

  /** The last row that existed at or before a monotonic time. */
  lastSeqAt(atMs: number): number {
    let passed = 0;
    while ((this.#notes[passed]?.atMs ?? Number.POSITIVE_INFINITY) <= atMs) passed += 1;
    this.#oldSeq = this.#notes[passed - 1]?.seq ?? this.#oldSeq;
    this.#notes.splice(0, passed);
    return this.#oldSeq;
  }
}
