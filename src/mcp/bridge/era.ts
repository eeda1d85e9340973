/** The protocol that a server instance speaks, and whether the end of a connection is a cancellation. */
export interface Era {
  /** "modern": 2026-07-28; "legacy": the revisions before. */
  readonly era: "modern" | "legacy";
  /** False over HTTP in the revisions before 2026-07-28, where a connection may break at any time. */
  readonly closingCancels: boolean;
}
