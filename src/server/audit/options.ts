import type { LineWriter } from "../../audit/sink.ts";

/** Options of a server's audit log (docs/audit.md). */
export interface AuditOptions {
  /**
   * Path of the file, created with mode 0600 if it is missing. Each process needs one of its own. Or a function that
   * resolves when it has written some lines, and rejects if it has written none of them; it is called again later then.
   */
  readonly to: string | LineWriter;
  /**
   * Refuses calls with side effects with UNAVAILABLE, and starts no job, while the log cannot be written. Default false:
   * they are served, and lines that do not fit into memory are lost and counted.
   */
  readonly required?: boolean;
}
