/**
 * The error class and the closed table of its reasons. The file is long so that each reason is defined in one place.
 *
 * Reasons that travel are those of `sealwire.v1.ErrorReason`; local ones never leave the process. `docs/errors.md`
 * shows the same table; a test keeps the two equal.
 */

/** The name of a gRPC status code, as in `google.rpc.Code`. */
export type StatusName =
  | "CANCELLED"
  | "UNKNOWN"
  | "INVALID_ARGUMENT"
  | "DEADLINE_EXCEEDED"
  | "NOT_FOUND"
  | "ALREADY_EXISTS"
  | "PERMISSION_DENIED"
  | "RESOURCE_EXHAUSTED"
  | "FAILED_PRECONDITION"
  | "ABORTED"
  | "OUT_OF_RANGE"
  | "UNIMPLEMENTED"
  | "INTERNAL"
  | "UNAVAILABLE"
  | "DATA_LOSS"
  | "UNAUTHENTICATED";

interface ReasonRow {
  readonly status: StatusName;
  /** True if a retry of the same intent may succeed. */
  readonly retryable: boolean;
  readonly meaning: string;
  readonly remedy: string;
}

/** Reasons that are sent to peers, by their names in `sealwire.v1.ErrorReason`. */
export const WIRE_REASONS = {
  SIGNATURE_INVALID: {
    status: "UNAUTHENTICATED",
    retryable: false,
    meaning:
      "The frame could not be authenticated: damaged, unknown or revoked key, or wrong signature. `sealwire sign` makes frames that can be.",
    remedy: "Check the key id, the key and the server address; `sealwire verify` names the failing step.",
  },
  ENVELOPE_INVALID: {
    status: "INVALID_ARGUMENT",
    retryable: false,
    meaning: "The signed envelope is not well-formed or breaks a rule of its fields.",
    remedy: "Fix the field that the message names; generate the client from the current contract.",
  },
  UNSUPPORTED_VERSION: {
    status: "FAILED_PRECONDITION",
    retryable: false,
    meaning: "The envelope's `v` is not a version this server speaks.",
    remedy: 'Send v "mcp/0.1".',
  },
  CLIENT_MISMATCH: {
    status: "PERMISSION_DENIED",
    retryable: false,
    meaning: "The signing key does not belong to the envelope's `client_id`.",
    remedy: "Use the client_id that stands beside the key in the credentials.",
  },
  AUDIENCE_MISMATCH: {
    status: "PERMISSION_DENIED",
    retryable: false,
    meaning: "The envelope's `server_id` names another server.",
    remedy:
      "Compare `server_id` in the credentials with the id that the server prints when it starts; if they differ, get the credentials again from its operator.",
  },
  CLOCK_SKEW: {
    status: "FAILED_PRECONDITION",
    retryable: false,
    meaning: "The envelope's `ts_ms` is too old or too far ahead.",
    remedy: "Set the clock, or correct it by the signed `ts_ms` of this answer, and sign anew.",
  },
  REPLAYED: {
    status: "ALREADY_EXISTS",
    retryable: false,
    meaning: "The nonce was used before: a signed request is taken once. `sealwire sign` makes another.",
    remedy: "Sign every attempt with a fresh nonce; keep the request id for the same intent.",
  },
  TOOL_FORBIDDEN: {
    status: "PERMISSION_DENIED",
    retryable: false,
    meaning: "The tool does not exist or the key may not call it.",
    remedy: "Check the name with `list_tools`; ask the server's operator to allow it for the key.",
  },
  TOOL_RPC_MISMATCH: {
    status: "INVALID_ARGUMENT",
    retryable: false,
    meaning: "The tool is called through the wrong RPC.",
    remedy:
      "Call `watch_job` and `watch_jobs` through ToolService/WatchJob and every other tool through ToolService/Call or CallStream.",
  },
  ARGS_INVALID: {
    status: "INVALID_ARGUMENT",
    retryable: false,
    meaning: "The arguments do not fit the tool's request message or its rules.",
    remedy: "Fix what the message names, and every field in `violations`.",
  },
  TOOL_CHANGED: {
    status: "FAILED_PRECONDITION",
    retryable: false,
    meaning: "The tool's definition is not the one that the caller accepts; the call was not begun.",
    remedy: "Look at what changed, and approve the definition if it is right: `sealwire mcp pins approve`.",
  },
  REQUEST_ID_REUSED: {
    status: "ALREADY_EXISTS",
    retryable: false,
    meaning: "The request id was used before for another tool or other arguments.",
    remedy: "Draw a new request id for each new intent.",
  },
  REQUEST_IN_PROGRESS: {
    status: "ABORTED",
    retryable: true,
    meaning: "A call with the same request id is still running.",
    remedy: "Repeat the call after the retry delay with the same request id to get its result.",
  },
  OUTCOME_UNKNOWN: {
    status: "FAILED_PRECONDITION",
    retryable: false,
    meaning: "An earlier call with the same request id was cut off midway; nobody knows whether it took effect.",
    remedy: "Find out by the tool's own means, then decide whether to start a new intent.",
  },
  JOB_NOT_FOUND: {
    status: "NOT_FOUND",
    retryable: false,
    meaning: "No such job is visible to this client.",
    remedy: "Check the job id; jobs are forgotten after their retention.",
  },
  RESULT_TOO_LARGE: {
    status: "RESOURCE_EXHAUSTED",
    retryable: false,
    meaning: "The result is larger than the server carries.",
    remedy: "Let the tool return a reference to the data instead of the data.",
  },
  RATE_LIMITED: {
    status: "RESOURCE_EXHAUSTED",
    retryable: true,
    meaning: "The key calls faster than its limit.",
    remedy: "Try again after the retry delay.",
  },
  QUOTA_EXCEEDED: {
    status: "RESOURCE_EXHAUSTED",
    retryable: true,
    meaning: "The key has too many calls, watches or jobs open at once.",
    remedy: "Wait for some of them to end, or ask the operator for a higher limit.",
  },
  DRAINING: {
    status: "UNAVAILABLE",
    retryable: true,
    meaning: "The server is shutting down.",
    remedy: "Try again; another replica or the restarted server will answer.",
  },
  UNAVAILABLE: {
    status: "UNAVAILABLE",
    retryable: true,
    meaning: "The server cannot answer just now.",
    remedy: "Try again, after the retry delay if there is one.",
  },
  DEADLINE_EXCEEDED: {
    status: "DEADLINE_EXCEEDED",
    retryable: false,
    meaning: "The call did not finish in the time it was given.",
    remedy: "Give it more time, or make the tool a job.",
  },
  CANCELLED: {
    status: "CANCELLED",
    retryable: false,
    meaning: "The call or job was cancelled.",
    remedy: "Start a new intent if it is still wanted.",
  },
  FRESHNESS_UNKNOWN: {
    status: "UNAVAILABLE",
    retryable: true,
    meaning:
      "The server cannot tell whether the frame is new: it no longer knows, or may not know, frames of its `ts_ms`.",
    remedy: "Sign again after the retry delay, with a new nonce and the current time; keep the request id.",
  },
  KEY_REVOKED: {
    status: "UNAUTHENTICATED",
    retryable: false,
    meaning: "The key that opened the stream was revoked or has expired.",
    remedy: "Get a new key from the server's operator.",
  },
  WATCH_EXPIRED: {
    status: "UNAVAILABLE",
    retryable: true,
    meaning: "The stream reached its maximum age.",
    remedy: "Open another; resume a watch with the newest revision in `after_revision`.",
  },
  TOOL_FAILED: {
    status: "UNKNOWN",
    retryable: false,
    meaning: "The tool ran and reported a failure of its own.",
    remedy: "Read the message; it is the tool's.",
  },
  WORKER_LOST: {
    status: "ABORTED",
    retryable: true,
    meaning: "The process that ran the job was lost and no attempt is left.",
    remedy: "Start the job again; raise max_attempts if workers are lost often.",
  },
  QUEUE_TIMEOUT: {
    status: "DEADLINE_EXCEEDED",
    retryable: true,
    meaning: "The job did not start before its queue time-out.",
    remedy: "Start it again when there is less work, or add workers.",
  },
  EXECUTION_TIMEOUT: {
    status: "DEADLINE_EXCEEDED",
    retryable: false,
    meaning: "The job ran longer than its execution time-out.",
    remedy: "Give the tool a longer execution_timeout or less to do.",
  },
  HEARTBEAT_TIMEOUT: {
    status: "DEADLINE_EXCEEDED",
    retryable: true,
    meaning: "The job reported no progress within its heartbeat time-out.",
    remedy: "Report progress more often or raise heartbeat_timeout.",
  },
  INTERNAL: {
    status: "INTERNAL",
    retryable: false,
    meaning: "An unexpected failure of the server.",
    remedy: "Give the request id to the server's operator; the log tells more.",
  },
} as const satisfies Record<string, ReasonRow>;

/** Reasons that are raised in this process only and never sent. */
export const LOCAL_REASONS = {
  RESPONSE_UNVERIFIED: {
    status: "UNKNOWN",
    retryable: false,
    meaning: "The answer carries no valid signature for this request, so nothing in it is believed.",
    remedy:
      "Check the address, and server_id, server_fingerprint and response_key in the credentials; something between may answer instead.",
  },
  RESPONSE_INVALID: {
    status: "INTERNAL",
    retryable: false,
    meaning: "The answer is signed, but it does not fit the contract, or what the server said before.",
    remedy: "Compare the contract of client and server, and their versions; the call itself has taken place.",
  },
  UNREACHABLE: {
    status: "UNAVAILABLE",
    retryable: true,
    meaning: "No verified answer came: the server cannot be reached, or something between says it is unavailable.",
    remedy: "Check the address and that the server runs.",
  },
  CREDENTIALS_REFUSED: {
    status: "UNAUTHENTICATED",
    retryable: false,
    meaning:
      "The peer did not accept the signature; it cannot sign its refusal, so this is what it says, not what is proven.",
    remedy: "Check the address, key id and keys in the credentials; `sealwire verify` names the failing step.",
  },
  OPTIONS_INVALID: {
    status: "INVALID_ARGUMENT",
    retryable: false,
    meaning: "An option or a configuration file is not acceptable.",
    remedy: "Fix the option that the message names.",
  },
  KEY_RING_INVALID: {
    status: "FAILED_PRECONDITION",
    retryable: false,
    meaning: "The key ring cannot be used.",
    remedy: "Do what the message says; the last good ring stays in force on a running server.",
  },
  STORE_IN_USE: {
    status: "FAILED_PRECONDITION",
    retryable: false,
    meaning: "Another process owns the store.",
    remedy: "Stop the other server or use another data folder.",
  },
  STORE_INCOMPATIBLE: {
    status: "FAILED_PRECONDITION",
    retryable: false,
    meaning: "The store was written by another version of the software.",
    remedy: "Use the version that the message names.",
  },
  STORE_UNUSABLE: {
    status: "FAILED_PRECONDITION",
    retryable: false,
    meaning: "The store cannot be used as it is, and waiting does not help: damaged, replaced, or not writable.",
    remedy: "Do what the message says; then start again.",
  },
} as const satisfies Record<string, ReasonRow>;

/** A reason that a peer may send. */
export type WireReason = keyof typeof WIRE_REASONS;
/** Any reason of a {@link SealwireError}. */
export type Reason = WireReason | keyof typeof LOCAL_REASONS;

const ALL_REASONS: Readonly<Record<Reason, ReasonRow>> = { ...WIRE_REASONS, ...LOCAL_REASONS };

/** One invalid field: its path, the id of the violated rule, and a description. */
export interface FieldViolation {
  readonly field: string;
  readonly ruleId: string;
  readonly message: string;
}

/**
 * What an error adds for programs: a message, packed as in a `google.protobuf.Any`, for example a
 * `google.rpc.PreconditionFailure`.
 */
export interface ErrorDetail {
  /** For example "type.googleapis.com/google.rpc.PreconditionFailure". */
  readonly typeUrl: string;
  /** The serialized message. */
  readonly value: Uint8Array;
}

/** Optional properties of a {@link SealwireError}. */
export interface SealwireErrorOptions {
  /** gRPC status; default: the status of the reason. */
  readonly status?: StatusName;
  /** Default: as the reason's table entry. */
  readonly retryable?: boolean;
  readonly violations?: readonly FieldViolation[];
  /** Number of violations that are not in `violations`. */
  readonly violationsOmitted?: number;
  /** How long to wait before another attempt, in milliseconds. */
  readonly retryDelayMs?: number | undefined;
  /** At most 2 KiB in all are sent. Those for which there is no room are left out. */
  readonly details?: readonly ErrorDetail[];
  readonly cause?: unknown;
}

/** Marks a SealwireError for all copies of this package in a process. */
const BRAND = Symbol.for("sealwire.SealwireError");

/**
 * The error class of Sealwire. `reason` is one of a closed set; the message describes the problem, the value and the
 * fix, and never contains a secret.
 *
 * `instanceof SealwireError` is also true for errors of another copy of this package. A globally installed command and
 * the tools of a project often load different copies.
 *
 * @example
 * ```ts
 * try {
 *   await client.call("greet", { name: "" });
 * } catch (error) {
 *   if (!(error instanceof SealwireError)) throw error;
 *   console.error(error.reason, error.message, error.remedy);
 * }
 * ```
 */
export class SealwireError extends Error {
  override readonly name = "SealwireError";
  readonly reason: Reason;
  readonly status: StatusName;
  readonly retryable: boolean;
  readonly violations: readonly FieldViolation[];
  readonly violationsOmitted: number;
  readonly retryDelayMs: number | undefined;
  readonly details: readonly ErrorDetail[];

  constructor(reason: Reason, message: string = ALL_REASONS[reason].meaning, options: SealwireErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    const row = ALL_REASONS[reason];
    this.reason = reason;
    this.status = options.status ?? row.status;
    this.retryable = options.retryable ?? row.retryable;
    this.violations = options.violations ?? [];
    this.violationsOmitted = options.violationsOmitted ?? 0;
    this.retryDelayMs = options.retryDelayMs;
    this.details = options.details ?? [];
  }

  /** How to fix errors of this reason, one sentence. */
  get remedy(): string {
    return ALL_REASONS[this.reason].remedy;
  }

  /**
   * Converts any thrown value to a SealwireError. A value that is not a SealwireError becomes INTERNAL with a fixed
   * text and is kept as `cause`, for the log only.
   */
  static from(thrown: unknown): SealwireError {
    if (thrown instanceof SealwireError) return thrown;
    return new SealwireError("INTERNAL", "The server failed unexpectedly; its log has the details.", { cause: thrown });
  }
}

// Defined on the prototype and not in the type, so that errors of two copies are assignable to each other.
Object.defineProperty(SealwireError.prototype, BRAND, { value: true });
Object.defineProperty(SealwireError, Symbol.hasInstance, {
  value(this: unknown, value: unknown): boolean {
    // A derived class inherits this function and has no brand of its own.
    if (this !== SealwireError) return Function.prototype[Symbol.hasInstance].call(this, value);
    return typeof value === "object" && value !== null && BRAND in value;
  },
});

/** True if `name` is a reason that a peer may send. */
export function isWireReason(name: string): name is WireReason {
  return Object.hasOwn(WIRE_REASONS, name);
}
