import { SealwireError, type StatusName } from "../errors.ts";

/** What a request to the API is answered with. */
export interface Answer {
  readonly status: number;
  /** The text of the body. */
  readonly body: string;
  readonly contentType: string;
  readonly headers: Readonly<Record<string, string>>;
}

const JSON_TYPE = "application/json; charset=utf-8";

/** HTTP statuses of errors, by gRPC status (as google.rpc.Code maps them). All others are 500. */
const STATUSES: Partial<Readonly<Record<StatusName, number>>> = {
  INVALID_ARGUMENT: 400,
  OUT_OF_RANGE: 400,
  UNAUTHENTICATED: 401,
  PERMISSION_DENIED: 403,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  ABORTED: 409,
  FAILED_PRECONDITION: 409,
  RESOURCE_EXHAUSTED: 429,
  UNIMPLEMENTED: 501,
  UNAVAILABLE: 503,
  DEADLINE_EXCEEDED: 504,
};

/** An answer with data. */
export function dataAnswer(data: unknown): Answer {
  return { status: 200, body: JSON.stringify(data), contentType: JSON_TYPE, headers: {} };
}

/** An answer that refuses a request. `reason` is for programs, `message` for people. */
export function refusal(
  status: number,
  reason: string,
  { message, headers = {} }: { readonly message: string; readonly headers?: Readonly<Record<string, string>> },
): Answer {
  return { status, body: JSON.stringify({ error: { reason, message } }), contentType: JSON_TYPE, headers };
}

/** The answer for a path that is none. */
export function noSuchPath(): Answer {
  return refusal(404, "NOT_FOUND", { message: "There is no such page." });
}

/** The answer for a thrown value. Only the message of a SealwireError is shown. */
export function failureAnswer(thrown: unknown): Answer {
  const error = SealwireError.from(thrown);
  const local = error.reason === "OPTIONS_INVALID" ? 409 : undefined;
  return refusal(local ?? STATUSES[error.status] ?? 500, error.reason, { message: error.message });
}
