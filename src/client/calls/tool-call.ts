import { status } from "@grpc/grpc-js";
import { SealwireError } from "../../errors.ts";
import { sleep } from "../../runtime/clock.ts";
import type { VerifiedResponse } from "../../signing/response/verify.ts";
import { CALL_METHOD, CALL_STREAM_METHOD } from "../../wire/limits.ts";
import type { Connection, OperationOptions } from "../connection.ts";
import { checkTimeoutMs } from "../options.ts";
import { Deadline, TIME_IS_UP } from "./deadline.ts";
import { type Outcome, readFailure, readMessage } from "./outcome.ts";
import { Retries, tellsDelay } from "./retry.ts";
import type { EncodedMessage, SignedAttempt } from "./signer.ts";

/** One intent: which tool, with what, under which name. */
export interface Intent {
  readonly tool: string;
  readonly args: EncodedMessage;
  readonly requestId: string;
  /** W3C trace context to send along, unsigned. */
  readonly traceparent: string | undefined;
}

/**
 * Calls a tool, through ToolService.CallStream if the client has a pipeline and else through ToolService.Call, and gives
 * the verified answer, ok or not. Signs and sends as often as {@link Retries} allows. Throws SealwireError with the reason of the last attempt, DEADLINE_EXCEEDED when the time is
 * up, or the signal's reason.
 */
export async function callTool(
  connection: Connection,
  intent: Intent,
  { signal, timeoutMs }: OperationOptions,
): Promise<VerifiedResponse> {
  const { options, signer, transport, closed } = connection;
  const limitMs = timeoutMs === undefined ? options.timeoutMs : checkTimeoutMs(timeoutMs);
  using deadline = new Deadline({
    clock: options.clock,
    timeoutMs: limitMs,
    signals: [closed, signal],
    describe: () => timeUp(intent, limitMs),
  });
  const retries = new Retries(options.retry, options);
  // Metadata, which a trace context travels in, belongs to a whole stream.
  const pipeline = intent.traceparent === undefined ? connection.pipeline : undefined;
  for (;;) {
    deadline.signal.throwIfAborted();
    const attempt = signer.sign({ ...intent, method: pipeline === undefined ? CALL_METHOD : CALL_STREAM_METHOD });
    const outcome = await (pipeline === undefined
      ? sendUnary(connection, intent, attempt, deadline)
      : pipeline.send({
          frame: attempt.frame,
          requestSignature: attempt.signature,
          requestId: intent.requestId,
          signal: deadline.signal,
        }));
    if (outcome.kind === "answer") return outcome.response;
    if (deadline.signal.aborted) throw endOf(deadline.signal.reason, retries.errorInTime(outcome, limitMs));
    const delayMs = retries.delayAfter(outcome, {
      correctClock: () => outcome.kind === "refusal" && signer.adoptServerTime(Number(outcome.response.tsMs), attempt),
      alternatives: transport.alternatives,
      remainingMs: deadline.remainingMs(),
    });
    const allowed = retries.attemptsLeft || tellsDelay(outcome);
    if (delayMs === undefined || !allowed || delayMs >= deadline.remainingMs()) throw retries.finalError(outcome);
    const { reason, message } = outcome.error;
    options.logger.debug({ tool: intent.tool, requestId: intent.requestId, reason, delayMs }, `retry: ${message}`);
    await sleep(options.clock, delayMs, deadline.signal);
  }
}

/** The reason why a call was ended; where that is the time, what is known better. */
function endOf(reason: unknown, known: SealwireError | undefined): unknown {
  return reason instanceof SealwireError && reason.cause === TIME_IS_UP && known !== undefined ? known : reason;
}

/** What a caller is told whose time is up. */
export function timeUp({ tool, requestId }: Pick<Intent, "tool" | "requestId">, limitMs: number): string {
  return `No verified answer from ${tool} within ${limitMs} ms; its outcome is unknown, repeat it under the same request id ${requestId}.`;
}

async function sendUnary(
  { options, transport }: Connection,
  { requestId, traceparent }: Intent,
  attempt: SignedAttempt,
  deadline: Deadline,
): Promise<Outcome> {
  const timeoutMs = deadline.remainingMs();
  const reply = await transport.unary({
    path: CALL_METHOD,
    message: attempt.frame,
    timeoutMs,
    signal: deadline.signal,
    traceparent,
  });
  const expected = {
    credentials: options.credentials,
    requestSignature: attempt.signature,
    requestId,
    sequence: 0,
  };
  if (reply.status.code === status.OK) return readMessage(reply.message, expected);
  return readFailure(reply.status, expected);
}
