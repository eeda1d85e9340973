import { Metadata } from "@grpc/grpc-js";
import { SealwireError } from "../../errors.ts";
import type { Random } from "../../runtime/random.ts";
import { readTraceContext, type TraceContext } from "../../wire/traceparent.ts";

/** Names the intent of a call; in answers, too. */
export const REQUEST_ID = "sealwire-request-id";
/** The job that a call has started; in answers only. */
const JOB_ID = "sealwire-job-id";
/** "true" cancels the job of an abandoned call. */
export const CANCEL_ON_ABANDON = "sealwire-cancel-on-abandon";

/** What a native caller says about its call in the metadata. */
export interface CallIntent {
  /** Calls with the same id are executed once. Made here if the caller gives none. */
  readonly requestId: string;
  /** Cancels the job if the caller cancels the call, disconnects or runs out of time. */
  readonly cancelOnAbandon: boolean;
  readonly trace: TraceContext;
}

/** Reads the metadata of a call. Throws ENVELOPE_INVALID naming the invalid key. */
export function readIntent(metadata: Metadata, random: Random): CallIntent {
  const requestId = readOne(metadata, REQUEST_ID) ?? random.uuid();
  if (!/^[!-~]{1,128}$/.test(requestId)) {
    throw new SealwireError(
      "ENVELOPE_INVALID",
      `The metadata ${REQUEST_ID} must be 1 to 128 printable ASCII characters without spaces.`,
    );
  }
  const cancel = readOne(metadata, CANCEL_ON_ABANDON) ?? "false";
  if (cancel !== "true" && cancel !== "false")
    throw new SealwireError("ENVELOPE_INVALID", `The metadata ${CANCEL_ON_ABANDON} must be "true" or "false".`);
  return { requestId, cancelOnAbandon: cancel === "true", trace: readTraceContext(metadata) };
}

/** The metadata of an answer, sent as initial metadata and again in the trailers. */
export function answerMetadata(requestId: string, jobId?: string): Metadata {
  const metadata = new Metadata();
  metadata.set(REQUEST_ID, requestId);
  if (jobId !== undefined) metadata.set(JOB_ID, jobId);
  return metadata;
}

function readOne(metadata: Metadata, key: string): string | undefined {
  const [value, ...more] = metadata.get(key);
  if (more.length > 0)
    throw new SealwireError("ENVELOPE_INVALID", `The metadata ${key} is sent more than once; send it once.`);
  return value === undefined ? undefined : String(value);
}
