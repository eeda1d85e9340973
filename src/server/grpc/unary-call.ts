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
import { type RequestOrigin, type RequestServices, requestTooSlow, SignedRequest } from "../request/request.ts";
import type { VerifiedCall } from "../request/verified-call.ts";
import { MessageIntake } from "./message-intake.ts";
import { type ReadBudget, type Reader, type Reading, tooManyRequests } from "./read-budget.ts";
import { exceedsLimit, metadataTooLarge, readTraceparent } from "./request-metadata.ts";

/** What signed calls are taken in with. */
export interface SignedCallOptions extends RequestServices {
  readonly readBudget: ReadBudget;
  /** Serves so many calls per turn of the event loop. */
  readonly tickLimiter: TickLimiter;
}

/** The way back to a caller. */
export interface Reply {
  /**
   * Sends a signed frame. `sent` is called once its bytes have gone to the connection, which a slow reader holds up; never
   * if the caller goes away before.
   */
  send(frame: Buffer, sent: () => void): void;
  /** Ends the call well. */
  end(): void;
  /** Ends the call with a refusal, after `sequence - 1` messages of a stream. Nothing happens if it has ended. */
  refuse(error: SealwireError, sequence: number): void;
}

/** Serves the verified calls of one method; what it returns is told when the caller is gone. Never throws. */
export type CallHandler = (call: VerifiedCall, reply: Reply) => { cancel(): void };

type InterceptingListener = Parameters<ServerInterceptingCallInterface["start"]>[0];

/**
 * One unary call or watch: takes its request through the gate and hands it to its handler.
 *
 * It takes the place of what grpc-js puts between interceptor and handler, a stream object for every unary call among
 * it: a tenth of a call's time. Node's http2 streams outlive minor collections with all that they refer to; so what
 * belongs to a call is let go of when the call ends.
 */
export class SignedCall extends ServerInterceptingCall implements InterceptingListener, RequestOrigin, Reply, Reader {
  readonly method: string;
  traceparent: string | undefined;
  readonly #call: ServerInterceptingCallInterface;
  readonly #options: SignedCallOptions;
  readonly #handler: CallHandler;
  /** Until the call ends. */
  #request: SignedRequest | undefined;
  #served: { cancel(): void } | undefined;
  /** Until its message has come. */
  #reading: Reading | undefined;
  #intake: MessageIntake | undefined;

  constructor(call: ServerInterceptingCallInterface, method: string, options: SignedCallOptions, handler: CallHandler) {
    super(call);
    this.#call = call;
    this.method = method;
    this.#options = options;
    this.#handler = handler;
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
      if (this.#request !== undefined) void this.#admit(this.#request, message as Uint8Array);
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

  async #admit(request: SignedRequest, bytes: Uint8Array): Promise<void> {
    try {
      request.authenticate(bytes);
      const verified = await request.admit();
      // Calls that came in together are admitted together; the first answers are to leave before the last tools run.
      this.#options.tickLimiter.run(() => this.#serve(request, verified), verified.envelope.clientId);
    } catch (thrown) {
      this.#refuse(request.refusalOf(thrown));
    }
  }

  #serve(request: SignedRequest, verified: VerifiedCall): void {
    if (request.hasEnded) return;
    try {
      const served = this.#handler(verified, this);
      if (!request.hasEnded) this.#served = served;
    } catch (thrown) {
      this.#refuse(request.refusalOf(thrown));
    }
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
