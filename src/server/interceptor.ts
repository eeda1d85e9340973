import {
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
  type ServerListener,
  status as Status,
} from "@grpc/grpc-js";
import { SealwireError } from "../errors.ts";
import type { Expiring } from "../runtime/time-limit.ts";
import { CALL_METHOD, WATCH_JOB_METHOD } from "../wire/limits.ts";
import { toGrpcFailure } from "../wire/status.ts";
import { CallStream, type CallStreamOptions } from "./call-stream.ts";
import type { ReadSlot } from "./read-budget.ts";
import { exceedsLimit, metadataTooLarge, readTraceparent } from "./request-metadata.ts";
import { pathKind } from "./service-paths.ts";
import { requestTooSlow, SignedRequest } from "./signed-request.ts";
import type { VerifiedCall } from "./verified-call.ts";

/** What the interceptor works with. */
export interface InterceptorOptions extends CallStreamOptions {
  /** Most health and reflection calls open at once. */
  readonly anonymousCallsMax: number;
}

/**
 * Makes the interceptor that every call goes through. It sees raw bytes (the services have identity codecs), passes
 * signed requests through the gate, and hands a {@link VerifiedCall} to the method's handler in their place. A call
 * stream is served right here.
 */
export function createInterceptor(options: InterceptorOptions): ServerInterceptor {
  const state = { anonymousCalls: 0 };
  return (method, call) => {
    switch (pathKind(method.path)) {
      case "signed":
        return new SignedCall(call, method.path, options);
      case "stream":
        return new CallStream(call, options);
      case "anonymous":
        return anonymousCall(call, state, options);
      case "native":
        return refusedCall(call, nativeToolError());
    }
  };
}

/** One unary call or watch on its way through the gate. */
class SignedCall extends ServerInterceptingCall implements Expiring {
  readonly #options: InterceptorOptions;
  readonly #call: ServerInterceptingCallInterface;
  readonly #method: string;
  #request: SignedRequest | undefined;
  #readSlot: ReadSlot | undefined;
  #received = false;

  constructor(call: ServerInterceptingCallInterface, method: string, options: InterceptorOptions) {
    super(call, {
      start: (next) => next(this.#listener()),
      sendStatus: (status, next) => {
        this.#end(status.code ?? Status.UNKNOWN);
        next(status);
      },
    });
    this.#options = options;
    this.#call = call;
    this.#method = method;
  }

  /** The first read waits for its share of the memory for unverified bytes; its time begins when it has that. */
  override startRead(): void {
    if (this.#readSlot !== undefined) {
      super.startRead();
      return;
    }
    this.#readSlot = this.#options.readBudget.slot(() => {
      this.#options.requestTimeLimit.begin(this);
      super.startRead();
    });
    this.#readSlot.open();
  }

  /** The request did not arrive in time. */
  expire(): void {
    this.#refuse(requestTooSlow());
  }

  #listener(): ServerListener {
    return {
      onReceiveMetadata: (metadata, next) => {
        const origin = { method: this.#method, peer: this.#call.getPeer(), traceparent: readTraceparent(metadata) };
        this.#request = new SignedRequest(this.#options, origin);
        if (exceedsLimit(metadata)) this.#refuse(metadataTooLarge());
        else next(metadata);
      },
      onReceiveMessage: (message, next) => {
        if (this.#received) return next(message);
        this.#stopReading();
        this.#received = true;
        void this.#admit(message as Uint8Array, next);
      },
      onCancel: () => this.#end(Status.CANCELLED),
    };
  }

  async #admit(bytes: Uint8Array, next: (call: VerifiedCall) => void): Promise<void> {
    const request = this.#request as SignedRequest;
    try {
      request.authenticate(bytes);
      const verified = await request.admit();
      if (!request.hasEnded) next(verified);
    } catch (thrown) {
      this.#refuse(request.refusalOf(thrown));
    }
  }

  #refuse(error: SealwireError): void {
    if (this.#request === undefined || this.#request.hasEnded) return;
    const sequence = this.#method === WATCH_JOB_METHOD ? FIRST_SEQUENCE : 0;
    this.sendStatus(this.#request.refuse(error, sequence));
  }

  #stopReading(): void {
    this.#readSlot?.close();
    this.#options.requestTimeLimit.end(this);
  }

  #end(code: number): void {
    this.#stopReading();
    this.#request?.end(code);
  }
}

/** Lets a health or reflection call through, as long as there are not too many. */
function anonymousCall(
  call: ServerInterceptingCallInterface,
  state: { anonymousCalls: number },
  { anonymousCallsMax }: InterceptorOptions,
): ServerInterceptingCall {
  if (state.anonymousCalls >= anonymousCallsMax) {
    return refusedCall(
      call,
      new SealwireError("QUOTA_EXCEEDED", "Too many health and reflection calls are open; try again.", {
        retryDelayMs: 1000,
      }),
    );
  }
  state.anonymousCalls += 1;
  let open = true;
  const end = (): void => {
    if (open) state.anonymousCalls -= 1;
    open = false;
  };
  return new ServerInterceptingCall(call, {
    start: (next) => next({ onCancel: end }),
    sendStatus: (status, next) => {
      end();
      next(status);
    },
  });
}

/** Answers a call with an error as soon as it starts. */
function refusedCall(call: ServerInterceptingCallInterface, error: SealwireError): ServerInterceptingCall {
  const refused = new ServerInterceptingCall(call, {
    start: (next) => next({ onReceiveMetadata: () => refused.sendStatus(toGrpcFailure(error)) }),
  });
  return refused;
}

function nativeToolError(): SealwireError {
  return new SealwireError(
    "TOOL_RPC_MISMATCH",
    `Tools are not called natively: sign an Envelope and send it to ${CALL_METHOD}.`,
    {
      status: "UNIMPLEMENTED",
    },
  );
}

/** A request is refused before any message of its stream. */
const FIRST_SEQUENCE = 1;
