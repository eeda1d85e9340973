/**
 * Tells how old the rows of the nonce log are by the monotonic clock, as nearly as the time between two notes. Rows that
 * were there when the store was opened count from then.
 */
export class NonceAges {
  /** The last row at a time, oldest first. */
  readonly #notes: { readonly atMs: number; readonly seq: number }[];
  #oldSeq = 0;

  constructor(nowMs: number, seq: number) {
    this.#notes = [{ atMs: nowMs, seq }];
  }

  /** Notes the newest row there is at a monotonic time. */
  note(nowMs: number, seq: number): void {
    if (seq === this.#notes.at(-1)?.seq) return;
    this.#notes.push({ atMs: nowMs, seq });
  }

  /** The last of the rows that were there at or before a monotonic time. */
  lastSeqAt(atMs: number): number {
    let passed = 0;
    while ((this.#notes[passed]?.atMs ?? Number.POSITIVE_INFINITY) <= atMs) passed += 1;
    this.#oldSeq = this.#notes[passed - 1]?.seq ?? this.#oldSeq;
    this.#notes.splice(0, passed);
    return this.#oldSeq;
  }
}
