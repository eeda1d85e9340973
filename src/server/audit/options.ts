import type { Writable } from "node:stream";

/** Options of a server's audit log (docs/audit.md). */
export interface AuditOptions {
  /**
   * Path of the file, created with mode 0600 if it is missing; each process needs one of its own. Or a stream, such as
   * `process.stdout`.
   */
  readonly to: string | Writable;
  /**
   * Refuses calls with side effects with UNAVAILABLE, and starts no job, while the log cannot be written. Default false:
   * the loss is counted.
   */
  readonly required?: boolean;
}
