import type { Reason } from "../../errors.ts";

/** Exit codes of the process. */
export const ExitCode = {
  done: 0,
  /** The tool or the job failed. */
  failed: 1,
  /** The command line, a file or the arguments are invalid. */
  usage: 2,
  /** The server refused the client, or its answer could not be verified. */
  refused: 3,
  /** No answer, or a temporary refusal. A later retry may succeed. */
  unreachable: 4,
  /** The store cannot be used: a permanent fault. */
  store: 5,
  /** A tool's definition is not the pinned one. */
  changed: 6,
  /** Ctrl-C, as shells report it. */
  interrupted: 130,
} as const;

/** One of {@link ExitCode}. */
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

const { failed, usage, refused, unreachable, store, changed } = ExitCode;

/** The exit code for each reason. */
export const EXIT_CODES: Readonly<Record<Reason, ExitCode>> = {
  SIGNATURE_INVALID: refused,
  ENVELOPE_INVALID: usage,
  UNSUPPORTED_VERSION: refused,
  CLIENT_MISMATCH: refused,
  AUDIENCE_MISMATCH: refused,
  CLOCK_SKEW: refused,
  REPLAYED: refused,
  TOOL_FORBIDDEN: refused,
  TOOL_RPC_MISMATCH: usage,
  ARGS_INVALID: usage,
  TOOL_CHANGED: changed,
  REQUEST_ID_REUSED: usage,
  REQUEST_IN_PROGRESS: unreachable,
  OUTCOME_UNKNOWN: failed,
  JOB_NOT_FOUND: usage,
  RESULT_TOO_LARGE: failed,
  RATE_LIMITED: unreachable,
  QUOTA_EXCEEDED: unreachable,
  DRAINING: unreachable,
  UNAVAILABLE: unreachable,
  DEADLINE_EXCEEDED: unreachable,
  CANCELLED: failed,
  FRESHNESS_UNKNOWN: unreachable,
  KEY_REVOKED: refused,
  WATCH_EXPIRED: unreachable,
  TOOL_FAILED: failed,
  WORKER_LOST: failed,
  QUEUE_TIMEOUT: failed,
  EXECUTION_TIMEOUT: failed,
  HEARTBEAT_TIMEOUT: failed,
  INTERNAL: failed,
  RESPONSE_UNVERIFIED: refused,
  RESPONSE_INVALID: failed,
  UNREACHABLE: unreachable,
  CREDENTIALS_REFUSED: refused,
  OPTIONS_INVALID: usage,
  KEY_RING_INVALID: usage,
  STORE_IN_USE: usage,
  STORE_INCOMPATIBLE: store,
  STORE_UNUSABLE: store,
};
