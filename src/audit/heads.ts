/** The last line of a chain, as a store keeps it. */
export interface StoredHead {
  /** Number of the line, and of the lines of the chain. */
  readonly sequence: number;
  /** The line's MAC, 32 bytes. */
  readonly head: Uint8Array;
}

/** Keeps the last line of each chain apart from its file, so that a file whose end was cut off is found. */
export interface AuditHeads {
  /** Replaces the head of a chain. Throws UNAVAILABLE. */
  record(chainId: string, head: StoredHead): Promise<void>;
  /** `undefined` for an unknown chain. Throws UNAVAILABLE. */
  read(chainId: string): Promise<StoredHead | undefined>;
}
