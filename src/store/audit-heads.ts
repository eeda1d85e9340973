/** The head of a chain of audit records: the last record that was written. */
export interface AuditHead {
  /** Number of that record in its chain, a safe non-negative integer. */
  readonly sequence: number;
  /** The value to which the next record of the chain is bound, 1 to 64 bytes. */
  readonly head: Uint8Array;
}

/** An {@link AuditHead} as the store holds it. */
export interface RecordedAuditHead extends AuditHead {
  /** When it was recorded, Unix milliseconds. */
  readonly recordedAtMs: number;
}

/**
 * Keeps the heads of chains of audit records outside of their files, so that a file whose end was cut off is detected.
 * Every method throws UNAVAILABLE while the store is unavailable.
 */
export interface AuditHeads {
  /**
   * Durably records the head of a chain. A head with a lower sequence than the recorded one changes nothing, so that a
   * delayed writer does not take the chain back.
   *
   * @param chainId Names the chain: a printable text of 1 to 128 characters, such as the id of a file or a process.
   */
  record(chainId: string, head: AuditHead): Promise<void>;
  /** The recorded head of a chain, or `null` if there is none. */
  read(chainId: string): Promise<RecordedAuditHead | null>;
}

/** Reads heads of a store that servers use. */
export type AuditHeadReader = Pick<AuditHeads, "read"> & AsyncDisposable;
