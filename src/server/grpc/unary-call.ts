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
import { type CallOutcome, type ExecutionOptions, execute } from "../request/execution.ts";
import { type RequestOrigin, type RequestServices, requestTooSlow, SignedRequest } from "../request/request.ts";
import { MessageIntake } from "./message-intake.ts";
import { type ReadBudget, type Reader, type Reading, tooManyRequests } from "./read-budget.ts";
import { exceedsLimit, metadataTooLarge, readTraceparent } from "./request-metadata.ts";
import type { Reply, Watches } from "./watch-call.ts";

/** What a {@link UnaryCall} uses. */
export interface UnaryCallOptions extends RequestServices {
  readonly readBudget: ReadBudget;
  /** Serves so many calls per turn of the event loop. */
  readonly tickLimiter: TickLimiter;
  readonly execution: ExecutionOptions;
  readonly watches: Watches;
}

type InterceptingListener = Parameters<ServerInterceptingCallInterface["start"]>[0];

/**
 * One signed call with one request: a unary call or a watch.
 *
 * It replaces what grpc-js puts between interceptor and handler, such as a stream object for every unary call, which
 * took a tenth of a call's time. Node's http2 streams outlive minor collections with all that they refer to, so the fields
 * of a call are cleared when it ends.
 */
export class UnaryCall extends ServerInterceptingCall implements InterceptingListener, RequestOrigin, Reply, Reader {
  readonly method: string;
  traceparent: string | undefined;
  readonly #call: ServerInterceptingCallInterface;
  readonly #options: UnaryCallOptions;
  /** Until the call ends. */
  #request: SignedRequest | undefined;
  #served: { cancel(): void } | undefined;
  /** Until its message has come. */
  #reading: Reading | undefined;
  #intake: MessageIntake | undefined;

  constructor(call: ServerInterceptingCallInterface, method: string, options: UnaryCallOptions) {
    super(call);
    this.#call = call;
    this.method = method;
    this.#options = options;
  }

  /** Listens in place of grpc-js's own handler. */
  override start(): void {
    this.#call.start(this);
  }

  onReceiveMetadata(metadata: Metadata): void {
    try {
      this.traceparent = readTraceparent(metadata);
      this.#request = new SignedRequest(this.#options, this);
      if (exceedsLimit(metadata)) this.#refuse(metadataTooLarge());
      else this.#awaitMessage();
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  /** There is room for the request, of which a part has come. */
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

  /** Too many unverified requests are open, most of them on this connection. */
  crowdOut(): void {
    this.#refuse(tooManyRequests());
  }

  /** Only one message is ever read. */
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

  /** As noted at the start: grpc-js's `getPeer` no longer knows once the connection is gone. */
  get peer(): string {
    const { remoteAddress, remotePort } = this.#call.getConnectionInfo();
    return remoteAddress === undefined ? "unknown" : `${remoteAddress}:${remotePort}`;
  }

  async #accept(request: SignedRequest, bytes: Uint8Array): Promise<void> {
    try {
      request.authenticate(bytes);
      await request.accept();
      // Calls that arrived together are accepted together. The first answers leave before the last tools run.
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

  /** The boundary of what grpc-js and timers call: where even a refusal fails, the caller gets a bare status. */
  #fail(thrown: unknown): void {
    const request = this.#request;
    this.#request = undefined;
    this.#served = undefined;
    endUnexpectedly(this.#call, this.#options.logger, thrown);
    request?.abandon();
    this.#stopReading();
  }

  /** Refuses the request, before any message of a stream. */
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

/** Ends a call of which nothing better can be said. Never throws. */
export function endUnexpectedly(call: ServerInterceptingCallInterface, logger: Logger, thrown: unknown): void {
  logger.error({ err: thrown }, "a call failed unexpectedly");
  try {
    call.sendStatus(toGrpcFailure(SealwireError.from(thrown)));
  } catch {
    // It has ended already.
  }
}

const FIRST_SEQUENCE = 1;
/** The status of a call that went well. */
export const ENDED_WELL = { code: Status.OK, details: "OK" };
