import { setImmediate as nextTurn } from "node:timers/promises";
import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { JobProgress } from "../../gen/sealwire/v1/job.ts";
import { SealwireError } from "../errors.ts";
import { systemClock as clock } from "../runtime/clock.ts";
import { readOutputBytes, type ToolContext } from "./handler.ts";
import type { AnyHandler, MessageCodec } from "./implement.ts";

/* Job tools whose method streams its response: messages with progress, then one with the output. */

const PROGRESS_TYPE = "sealwire.v1.JobProgress";

/** Time after which a stream that never waits lets the event loop run, so that timers and cancellations work. */
const TURN_MS = 10;

/** The response of a streaming job method. */
export interface StreamedResponse {
  /** Full name of the method. */
  readonly method: string;
  readonly codec: MessageCodec<unknown>;
  /** A message that sets this field is a progress report; its other fields are ignored. */
  readonly progress: DescField;
}

/**
 * The field of a streaming job's response that reports progress: the only one of type sealwire.v1.JobProgress. Throws
 * OPTIONS_INVALID if there is none, or more than one.
 */
export function progressField(method: string, output: DescMessage): DescField {
  const isProgress = (field: DescField): boolean =>
    field.fieldKind === "message" && field.message.typeName === PROGRESS_TYPE;
  const [found, ...more] = output.fields.filter(isProgress);
  if (found !== undefined && more.length === 0) return found;
  const count = found === undefined ? "has none" : `has ${more.length + 1}`;
  throw new SealwireError(
    "OPTIONS_INVALID",
    `${method} is a job that streams its response, so ${output.typeName} must have one field of type ${PROGRESS_TYPE}, and ${count}.`,
  );
}

/**
 * Turns the handler of a streaming job method into one that returns the output. Every message with progress is reported
 * as the job's progress. The first message without is the output; it must be the last. A stream without an output, or with
 * a message after it, fails the job with INTERNAL. The generator is closed at its next message when the job was cancelled or
 * timed out.
 */
export function handleStream(handler: AnyHandler, response: StreamedResponse): AnyHandler {
  return async (input, context) => {
    const messages = handler(input, context);
    if (!isAsyncIterable(messages)) {
      throw new TypeError(
        `the handler of ${response.method} must return an async iterable, such as an async generator`,
      );
    }
    return await readOutput(messages, response, context);
  };
}

async function readOutput(
  messages: AsyncIterable<unknown>,
  { method, codec, progress: field }: StreamedResponse,
  context: ToolContext,
): Promise<unknown> {
  let output: { readonly message: unknown } | undefined;
  let turnBeganMs = clock.monotonicMs();
  for await (const message of messages) {
    if (output !== undefined) throw broken(context, `${method} sent a message after its output.`);
    const bytes = readOutputBytes(message) ?? codec.encode(message).finish();
    const progress = readProgress(bytes, field.number);
    if (progress === undefined) {
      output = { message };
      continue;
    }
    context.progress(Number(progress.completed), Number(progress.total), progress.message);
    // Closes the generator, unless the worker drains: the job may still finish then.
    if (context.signal.aborted && !isDraining(context.signal)) throw context.signal.reason;
    if (clock.monotonicMs() - turnBeganMs > TURN_MS) {
      await nextTurn();
      turnBeganMs = clock.monotonicMs();
    }
  }
  if (output === undefined)
    throw broken(context, `${method} ended without an output; yield it, a returned value is ignored.`);
  return output.message;
}

/** The progress in a serialized response; `undefined` if the field is not set. */
function readProgress(bytes: Uint8Array, field: number): JobProgress | undefined {
  const reader = new BinaryReader(bytes);
  let progress: JobProgress | undefined;
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    if (number === field && type === WireType.LengthDelimited) progress = JobProgress.decode(reader.bytes());
    else reader.skip(type, number);
  }
  return progress;
}

function isDraining({ reason }: AbortSignal): boolean {
  return reason instanceof SealwireError && reason.reason === "DRAINING";
}

/** A fault of the tool. The log has it, too, because the caller can do nothing about it. */
function broken({ logger }: ToolContext, message: string): SealwireError {
  logger.error({}, message);
  return new SealwireError("INTERNAL", message, { retryable: false });
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}
