/** Selects lines of an audit log. An absent member selects all. */
export interface AuditFilters {
  readonly clientId?: string;
  /** What this key did, and how it was changed. */
  readonly keyId?: string;
  readonly jobId?: string;
  readonly action?: string;
  readonly outcome?: string;
  readonly reason?: string;
  /** Lines of this time or later, Unix milliseconds. */
  readonly sinceMs?: number;
}

/** Selects one page of an audit log, newest lines first. */
export interface AuditQuery {
  /** Maximum number of lines, 1 to 500. */
  readonly limit: number;
  /** The `nextPageToken` of the page before. Default: from the newest line on. */
  readonly pageToken?: string;
  readonly filters: AuditFilters;
}

/** One line of an audit log. A member that the line does not have is absent. */
export interface AuditLine {
  /** Number of the line in its log. */
  readonly sequence: number;
  /** Unix milliseconds. */
  readonly timeMs: number;
  /** Id of the process that wrote it. */
  readonly instance: string;
  readonly clientId?: string;
  readonly keyId?: string;
  readonly action: string;
  readonly target?: { readonly type: string; readonly id: string };
  readonly outcome: string;
  readonly reason?: string;
  /** Address of the peer. */
  readonly source?: string;
  readonly requestId?: string;
  readonly jobId?: string;
  /** Number of events that the line stands for; absent: one. */
  readonly count?: number;
  /** The whole line as it stands in the log: JSON. */
  readonly text: string;
}

/** One page of an audit log. It may have fewer lines than asked for, or none, although there are more. */
export interface AuditPage {
  /** Newest first. */
  readonly lines: readonly AuditLine[];
  /** Absent if there are no more lines in the file. */
  readonly nextPageToken?: string;
}

/** Reads the audit log of this server. */
export interface AuditFeed {
  /**
   * Reads at most 8 MiB of the file. Throws TOOL_FAILED if the log is no file, UNAVAILABLE if it cannot be read, ARGS_INVALID
   * naming `page_token` if the token does not belong to the current file.
   */
  read(query: AuditQuery): Promise<AuditPage>;
}
