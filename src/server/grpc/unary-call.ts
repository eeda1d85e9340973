import {
  type Metadata,
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  status as Status,
} from "@grpc/grpc-js";
import { SealwireError } from "../../errors.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { TickLimiter } from "../../runtime/tick-limiter.ts";
import { WATCH_JOB_METHOD } from "../../wire/limits.ts";
import { toGrpcFailure } from "../../wire/status.ts";
import { readTraceparent, readTracestate } from "../../wire/traceparent.ts";
import { type CallOutcome, type ExecutionOptions, execute } from "../request/execution.ts";
import { type RequestOrigin, type RequestServices, requestTooSlow, SignedRequest } from "../request/request.ts";
import { MessageIntake } from "./message-intake.ts";
import { type ReadBudget, type Reader, type Reading, tooManyRequests } from "./read-budget.ts";
import { exceedsLimit, metadataTooLarge } from "./request-metadata.ts";
import type { Reply, Watches } from "./watch-call.ts";

/** Options of a {@link UnaryCall}. */
export interface UnaryCallOptions extends RequestServices {
  readonly readBudget: ReadBudget;
  /** Limits the number of calls that are served per turn of the event loop. */
  readonly tickLimiter: TickLimiter;
  readonly execution: ExecutionOptions;
  readonly watches: Watches;
}

type InterceptingListener = Parameters<ServerInterceptingCallInterface["start"]>[0];

/**
 * One signed call with one request: a unary call or a watch.
 *
 * Replaces the objects that grpc-js creates between interceptor and handler, such as a stream for each unary call,
 * which took a tenth of a call's time. Node's HTTP/2 streams survive minor garbage collections together with everything
 * they refer to, so a call clears its fields when it ends.
 */
export class UnaryCall extends ServerInterceptingCall implements InterceptingListener, RequestOrigin, Reply, Reader {
  readonly method: string;
  traceparent: string | undefined;
  tracestate: string | undefined;
  readonly #call: ServerInterceptingCallInterface;
  readonly #options: UnaryCallOptions;
  /** `undefined` once the call has ended. */
  #request: SignedRequest | undefined;
  #served: { cancel(): void } | undefined;
  /** `undefined` once the message has arrived. */
  #reading: Reading | undefined;
  #intake: MessageIntake | undefined;

  constructor(call: ServerInterceptingCallInterface, method: string, options: UnaryCallOptions) {
    super(call);
    this.#call = call;
    this.method = method;
    this.#options = options;
  }

  /** Registers this object as the listener instead of the one of grpc-js. */
  override start(): void {
    this.#call.start(this);
  }

  onReceiveMetadata(metadata: Metadata): void {
    try {
      this.traceparent = readTraceparent(metadata);
      if (this.traceparent !== undefined) this.tracestate = readTracestate(metadata);
      this.#request = new SignedRequest(this.#options, this);
      if (exceedsLimit(metadata)) this.#refuse(metadataTooLarge());
      else this.#awaitMessage();
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  /** The rest of a partly received request may be read. */
  read(): void {
    this.#intake?.goOn();
  }

  /** The request did not arrive in time. */
  expire(): void {
    this.#refuse(requestTooSlow());
  }

  get waitingBytes(): number {
    return this.#intake?.waitingBytes ?? 0;
  }

  /** Too many unverified requests are open, and this connection has the most. */
  crowdOut(): void {
    this.#refuse(tooManyRequests());
  }

  /** Called at most once, because only one message is read. */
  onReceiveMessage(message: unknown): void {
    try {
      this.#stopReading();
      if (this.#request !== undefined) void this.#accept(this.#request, message as Uint8Array);
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  onReceiveHalfClose(): void {
    this.#end(Status.UNIMPLEMENTED);
    this.#call.sendStatus({ code: Status.UNIMPLEMENTED, details: "The call has no request message; send one." });
  }

  onCancel(): void {
    const served = this.#served;
    try {
      this.#end(Status.CANCELLED);
    } catch (thrown) {
      this.#fail(thrown);
    }
    served?.cancel();
  }

  send(frame: Buffer, sent: () => void): void {
    try {
      this.#call.sendMessage(frame, sent);
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  end(): void {
    try {
      this.#end(Status.OK);
      this.#call.sendStatus(ENDED_WELL);
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  refuse(error: SealwireError, sequence: number): void {
    if (this.#request === undefined) return;
    try {
      const failure = this.#request.refuse(error, sequence);
      this.#end(failure.code);
      this.#call.sendStatus(failure);
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  /** Uses the connection info, because `getPeer` of grpc-js does not know the peer after the connection has closed. */
  get peer(): string {
    const { remoteAddress, remotePort } = this.#call.getConnectionInfo();
    return remoteAddress === undefined ? "unknown" : `${remoteAddress}:${remotePort}`;
  }

  get deadlineMs(): number {
    const deadline = this.#call.getDeadline();
    return deadline instanceof Date ? deadline.getTime() : deadline;
  }

  async #accept(request: SignedRequest, bytes: Uint8Array): Promise<void> {
    try {
      request.authenticate(bytes);
      await request.accept();
      // Calls that arrive together are accepted together. With the limiter, the first are answered before the last run.
      this.#options.tickLimiter.run(() => this.#serve(request), request.envelope.clientId);
    } catch (thrown) {
      this.#refuse(request.refusalOf(thrown));
    }
  }

  #serve(request: SignedRequest): void {
    if (request.hasEnded) return;
    const { execution, watches } = this.#options;
    try {
      const served =
        this.method === WATCH_JOB_METHOD
          ? watches.serve(request, this)
          : execute(execution, request, (outcome) => this.#answer(outcome));
      if (!request.hasEnded) this.#served = served;
    } catch (thrown) {
      this.#refuse(request.refusalOf(thrown));
    }
  }

  #answer(outcome: CallOutcome): void {
    if (outcome instanceof SealwireError) this.refuse(outcome, 0);
    else this.send(outcome, () => this.end());
  }

  /** Handles an error in a callback of grpc-js or of a timer. The caller gets an unsigned status. */
  #fail(thrown: unknown): void {
    const request = this.#request;
    this.#request = undefined;
    this.#served = undefined;
    endUnexpectedly(this.#call, this.#options.logger, thrown);
    request?.abandon();
    this.#stopReading();
  }

  /** Refuses the request before an answer or a message of a watch is sent. */
  #refuse(error: SealwireError): void {
    this.refuse(error, this.method === WATCH_JOB_METHOD ? FIRST_SEQUENCE : 0);
  }

  #awaitMessage(): void {
    const intake = new MessageIntake(this.#call, true, (bytes) => this.#reading?.reserve(bytes) ?? true);
    this.#intake = intake;
    this.#reading = this.#options.readBudget.enter(intake.connection, this);
    this.#call.startRead();
  }

  #stopReading(): void {
    this.#reading?.close();
    this.#reading = undefined;
    this.#intake?.stop();
    this.#intake = undefined;
  }

  #end(code: number): void {
    this.#stopReading();
    this.#request?.end(code);
    this.#request = undefined;
    this.#served = undefined;
  }
}

/** Ends a call after an unexpected error. Never throws. */
export function endUnexpectedly(call: ServerInterceptingCallInterface, logger: Logger, thrown: unknown): void {
  logger.error({ err: thrown }, "a call failed unexpectedly");
  try {
    call.sendStatus(toGrpcFailure(SealwireError.from(thrown)));
  } catch {
    // The call has already ended.
  }
}

const FIRST_SEQUENCE = 1;
/** The status of a successful call. */
export const ENDED_WELL = { code: Status.OK, details: "OK" };
