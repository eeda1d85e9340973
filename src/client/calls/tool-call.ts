import { status } from "@grpc/grpc-js";
import { SealwireError } from "../../errors.ts";
import { sleep } from "../../runtime/clock.ts";
import type { VerifiedResponse } from "../../signing/response/verify.ts";
import { CALL_METHOD, CALL_STREAM_METHOD } from "../../wire/limits.ts";
import type { Connection, OperationOptions } from "../connection.ts";
import { checkTimeoutMs } from "../options.ts";
import type { ClientCallStream } from "../transport/client-call-stream.ts";
import type { Endpoint } from "../transport/transport.ts";
import { endClientSpan, startClientSpan } from "./call-span.ts";
import { Deadline, TIME_IS_UP } from "./deadline.ts";
import { type Outcome, readAnswer, readFailure } from "./outcome.ts";
import { Retries } from "./retry.ts";
import { type EncodedMessage, RENEWALS_MAX, type SignedAttempt } from "./signer.ts";

/** One intent: a tool, its arguments and the request id. */
export interface Intent {
  readonly tool: string;
  readonly args: EncodedMessage;
  readonly requestId: string;
  /** W3C trace context, which is sent unsigned. */
  readonly traceparent: string | undefined;
  /** W3C tracestate; only sent with `traceparent`. */
  readonly tracestate?: string | undefined;
  /** The definition of the tool that the caller accepts; `undefined`: any. */
  readonly definitionDigest?: string | undefined;
}

/**
 * Calls a tool and returns the verified answer, whether ok or not. Signs and sends as often as {@link Retries} allows.
 * Throws SealwireError with the reason of the last attempt, DEADLINE_EXCEEDED when the time is up, or the signal's
 * reason.
 */
export async function callTool(
  connection: Connection,
  intent: Intent,
  { signal, timeoutMs }: OperationOptions,
): Promise<VerifiedResponse> {
  const { options, operations } = connection;
  const limitMs = timeoutMs === undefined ? options.timeoutMs : checkTimeoutMs(timeoutMs);
  using deadline = new Deadline({
    clock: options.clock,
    timeoutMs: limitMs,
    operations,
    signal,
    describe: () => timeUp(intent, limitMs),
  });
  return await callWithin(connection, intent, deadline);
}

/** Like {@link callTool}, with an existing deadline. */
export function callWithin(connection: Connection, intent: Intent, deadline: Deadline): Promise<VerifiedResponse> {
  const span = startClientSpan(connection, CALL_METHOD, intent);
  if (span === undefined) return callUntil(connection, intent, deadline);
  const { traceparent, tracestate } = span;
  return endClientSpan(span, callUntil(connection, { ...intent, traceparent, tracestate }, deadline));
}

async function callUntil(connection: Connection, intent: Intent, deadline: Deadline): Promise<VerifiedResponse> {
  const { options, signer, transport } = connection;
  const retries = new Retries(options.retry, options);
  let renewals = 0;
  for (;;) {
    deadline.throwIfEnded();
    const { attempt, outcome } = await send(connection, intent, deadline);
    if (outcome.kind === "answer") return outcome.response;
    retries.note(outcome);
    if (renewals < RENEWALS_MAX && (await signer.renew(attempt, outcome.error, deadline.signal))) {
      renewals += 1;
      continue;
    }
    if (deadline.hasEnded) throw endOf(deadline.reason, retries.errorInTime(outcome, deadline.limitMs));
    const delayMs = retries.delayAfter(outcome, {
      correctClock: () => outcome.kind === "refusal" && signer.adoptServerTime(Number(outcome.response.tsMs), attempt),
      alternatives: transport.alternatives,
      remainingMs: deadline.remainingMs(),
    });
    if (delayMs === undefined || !retries.allows(outcome) || delayMs >= deadline.remainingMs())
      throw retries.finalError(outcome);
    const { reason, message } = outcome.error;
    options.logger.debug({ tool: intent.tool, requestId: intent.requestId, reason, delayMs }, `retry: ${message}`);
    await sleep(options.clock, delayMs, deadline.signal);
  }
}

/** The reason of an ended call. `known` is more precise than DEADLINE_EXCEEDED. */
function endOf(reason: unknown, known: SealwireError | undefined): unknown {
  return reason instanceof SealwireError && reason.cause === TIME_IS_UP && known !== undefined ? known : reason;
}

/** The message of DEADLINE_EXCEEDED. */
export function timeUp({ tool, requestId }: Pick<Intent, "tool" | "requestId">, limitMs: number): string {
  return `No verified answer from ${tool} within ${limitMs} ms; its outcome is unknown, repeat it under the same request id ${requestId}.`;
}

/** An attempt with its outcome. */
interface Sent {
  readonly attempt: SignedAttempt;
  readonly outcome: Outcome;
}

/** Makes one attempt at the next server: over its shared stream if there is one, otherwise as a separate request. */
async function send(connection: Connection, intent: Intent, deadline: Deadline): Promise<Sent> {
  const { transport, pipelines, signer } = connection;
  const endpoint = await transport.next(deadline);
  const pipeline = pipelines?.of(endpoint);
  const { credentials } = signer;
  const bytes = intent.args.value.length;
  const stream = pipeline?.streamFor({ bytes, traceparent: intent.traceparent, credentials });
  if (pipeline === undefined || stream === undefined) return sendSingly(connection, intent, deadline, endpoint);
  const sent = await sendStreamed(connection, intent, deadline, stream);
  if (!pipeline.mustResend(stream, sent.outcome) || deadline.hasEnded) return sent;
  return sendSingly(connection, intent, deadline, await transport.next(deadline));
}

async function sendStreamed(
  { signer }: Connection,
  intent: Intent,
  deadline: Deadline,
  stream: ClientCallStream,
): Promise<Sent> {
  const attempt = signer.sign({ ...intent, method: CALL_STREAM_METHOD }, stream.credentials);
  const outcome = await stream.send({
    frame: attempt.frame,
    requestSignature: attempt.signature,
    requestId: intent.requestId,
    timeoutMs: deadline.remainingMs(),
    traceparent: intent.traceparent,
    tracestate: intent.tracestate,
    until: deadline,
  });
  return { attempt, outcome };
}

async function sendSingly(
  { signer, pipelines }: Connection,
  intent: Intent,
  deadline: Deadline,
  endpoint: Endpoint,
): Promise<Sent> {
  const { requestId, traceparent, tracestate } = intent;
  const attempt = signer.sign({ ...intent, method: CALL_METHOD });
  const pipeline = pipelines?.of(endpoint);
  pipeline?.singleBegan();
  const reply = await endpoint.unary({
    path: CALL_METHOD,
    message: attempt.frame,
    timeoutMs: deadline.remainingMs(),
    signal: deadline.signal,
    traceparent,
    tracestate,
  });
  pipeline?.singleEnded();
  const expected = {
    credentials: attempt.credentials,
    requestSignature: attempt.signature,
    requestId,
    sequence: 0,
  };
  const isOk = reply.status.code === status.OK;
  return { attempt, outcome: isOk ? readAnswer(reply.message, expected) : readFailure(reply.status, expected) };
}
