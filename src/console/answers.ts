/*
 * The JSON of the console's API, which the pages read. The file imports nothing, because it belongs to the server and to
 * the browser. Times are in Unix milliseconds, time spans in milliseconds. What has no value is left out.
 */

/** Who is signed in. */
export interface SessionAnswer {
  readonly name: string;
  readonly role: "viewer" | "operator";
  readonly endsAtMs: number;
}

/** A session that has begun, with the token of its requests. */
export interface SignInAnswer extends SessionAnswer {
  readonly token: string;
}

/** Why a request is refused. */
export interface ProblemAnswer {
  readonly error: { readonly reason: string; readonly message: string };
}

/** What callers of a server with TLS need. */
export interface TlsAnswer {
  /** The file of the certificate authority. Left out if the authority is a public one. */
  readonly ca?: string;
  /** True if callers must present a certificate. */
  readonly clientCertificate: boolean;
}

/** What the server is. */
export interface AboutAnswer {
  readonly serverId: string;
  readonly version: string;
  readonly protocol: string;
  readonly node: string;
  readonly platform: string;
  /** Where calls are accepted: "HOST:PORT" or "unix:PATH". */
  readonly address: string;
  /** Left out for a server without TLS. */
  readonly tls?: TlsAnswer;
  readonly startedAtMs: number;
  /** What keeps jobs and nonces, such as "SQLite". */
  readonly store: string;
  /** The number of its tools, without the system tools. */
  readonly tools: number;
  /** Number of jobs that it runs at once; 0: none. */
  readonly concurrency: number;
  readonly readOnly: boolean;
}

/** One tool of the catalogue. */
export interface ToolRow {
  readonly name: string;
  readonly title: string;
  /** The first sentence of its description. */
  readonly summary: string;
  readonly method: string;
  readonly kind: "call" | "job";
  readonly effect: "read only" | "idempotent" | "side effects";
  readonly destructive: boolean;
  /** True for a tool that every server has. */
  readonly system: boolean;
  /** Where it runs, such as `the upstream "py"`; left out: in the server. */
  readonly host?: string;
}

/** The catalogue, by name. */
export interface ToolsAnswer {
  readonly tools: readonly ToolRow[];
}

/** A JSON Schema, as src/schema writes it. */
export interface Schema {
  readonly type?: string | readonly string[];
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly additionalProperties?: Schema | boolean;
  readonly [keyword: string]: unknown;
}

/** The policy of a job tool. */
export interface PolicyAnswer {
  readonly priority: number;
  readonly executionTimeoutMs: number;
  readonly queueTimeoutMs: number;
  readonly heartbeatTimeoutMs?: number;
  readonly maxAttempts: number;
  readonly initialBackoffMs: number;
  readonly maxBackoffMs: number;
  readonly retentionMs: number;
  readonly cancelGraceMs: number;
}

/** One tool with its contract. */
export interface ToolAnswer extends ToolRow {
  /** Where the server accepts calls, as commands name it. */
  readonly address: string;
  /** Left out for a server without TLS. */
  readonly tls?: TlsAnswer;
  readonly description: string;
  readonly requestType: string;
  readonly responseType: string;
  /** SHA-256 over the contract, in hex. */
  readonly digest: string;
  /** SHA-256 over what a model is shown, in hex. */
  readonly definitionDigest: string;
  readonly policy?: PolicyAnswer;
  readonly input: Schema;
  readonly output?: Schema;
}

/** What is wrong with arguments. */
export interface CheckAnswer {
  readonly problems: readonly { readonly field: string; readonly message: string; readonly rule: string }[];
}

/** The states of a job. */
export type JobStateName = "QUEUED" | "RUNNING" | "SUCCEEDED" | "FAILED" | "CANCELLED";

/** Calls in one part of the time. */
export interface CallsBucket {
  readonly calls: number;
  readonly failures: number;
  /** Left out if there were no calls. */
  readonly p50Ms?: number;
  readonly p99Ms?: number;
}

/** A process that uses the store. */
export interface InstanceRow {
  readonly id: string;
  readonly role: string;
  readonly version: string;
  readonly address: string;
  readonly sinceMs: number;
  readonly renewedAtMs: number;
  readonly running: number;
}

/** What happens now, and in the last 15 minutes. */
export interface OverviewAnswer {
  readonly atMs: number;
  /** The process whose calls are shown. */
  readonly instance: string;
  /** Time of all calls of the 15 minutes; left out if there were none. */
  readonly p50Ms?: number;
  readonly p99Ms?: number;
  /** The oldest first. */
  readonly buckets: readonly CallsBucket[];
  readonly bucketMs: number;
  /** Most frequent first. */
  readonly refusals: readonly { readonly reason: string; readonly count: number }[];
  readonly jobs: {
    readonly byState: Readonly<Record<JobStateName, number>>;
    /** Age of the oldest job that could run now; 0: none waits. */
    readonly oldestQueuedMs: number;
  };
  /** The tools with most open jobs first, at most 20. */
  readonly jobsByTool: readonly { readonly tool: string; readonly byState: Readonly<Record<JobStateName, number>> }[];
  readonly instances: readonly InstanceRow[];
  /** Whether each service of an upstream can be called. */
  readonly upstreams: readonly { readonly service: string; readonly host: string; readonly serving: boolean }[];
}

/** How far a job is. */
export interface ProgressAnswer {
  readonly done: number;
  /** 0: not known. */
  readonly total: number;
  readonly message: string;
}

/** Why a job or an attempt failed. */
export interface FailureAnswer {
  readonly reason: string;
  readonly message: string;
}

/** One job. */
export interface JobRow {
  readonly jobId: string;
  readonly client: string;
  readonly tool: string;
  readonly state: JobStateName;
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly cancelRequested: boolean;
  readonly createdAtMs: number;
  readonly startedAtMs?: number;
  readonly endedAtMs?: number;
  readonly progress?: ProgressAnswer;
  readonly error?: FailureAnswer;
}

/** A page of jobs, newest first. */
export interface JobsAnswer {
  readonly jobs: readonly JobRow[];
  /** Time from which jobs are shown; left out: from the first. */
  readonly createdSinceMs?: number;
  /** Reads the older ones; left out on the last page. */
  readonly nextPageToken?: string;
}

/** What became of jobs that were cancelled together. */
export interface CancelAnswer {
  readonly cancelled: number;
  /** Those that run, and were told to stop. */
  readonly stopping: number;
  /** Those that had already ended. */
  readonly ended: number;
}

/** One attempt of a job. */
export interface AttemptRow {
  readonly attempt: number;
  readonly instance: string;
  readonly startedAtMs: number;
  readonly endedAtMs?: number;
  readonly outcome?: string;
  readonly error?: FailureAnswer;
}

/** One job with its attempts, the newest first. */
export interface JobAnswer extends JobRow {
  readonly requestId: string;
  /** The trace in which it was submitted. */
  readonly traceId?: string;
  readonly revision: number;
  readonly expiresAtMs?: number;
  readonly attempts: readonly AttemptRow[];
  /** True if operators may see its arguments and its result. */
  readonly hasPayloads: boolean;
}

/** The arguments of a job that has not ended and the result of one that has succeeded, as indented JSON. */
export interface PayloadsAnswer {
  readonly args?: string;
  readonly result?: string;
}

/** One key, without its secrets. */
export interface KeyRow {
  readonly keyId: string;
  readonly client: string;
  /** Left out: the key of a client that has no part in operations. */
  readonly role?: string;
  readonly state: "active" | "retiring" | "revoked";
  readonly createdAtMs?: number;
  readonly notBeforeMs?: number;
  readonly notAfterMs?: number;
  readonly lastUsedAtMs?: number;
  /** Patterns of the tools that it may call. */
  readonly tools: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
}

/** The keys of the server. */
export interface KeysAnswer {
  readonly keys: readonly KeyRow[];
  /** True if there are more keys than are shown. */
  readonly isCut: boolean;
}

/** One event of the audit log. */
export interface AuditRow {
  readonly sequence: number;
  readonly atMs: number;
  readonly client: string;
  readonly keyId: string;
  readonly action: string;
  readonly target: string;
  readonly outcome: string;
  readonly reason: string;
  readonly source: string;
  /** Number of events that it stands for. */
  readonly count: number;
}

/** A page of the audit log, newest first. It may be empty although there are older events. */
export interface AuditAnswer {
  readonly events: readonly AuditRow[];
  /** Reads the events before these; left out on the last page. */
  readonly nextPageToken?: string;
}
