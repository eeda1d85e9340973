import {
  type Metadata,
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
  type ServerListener,
  status as Status,
} from "@grpc/grpc-js";
import { SealwireError } from "../errors.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Logger } from "../runtime/logger.ts";
import { CALL_METHOD, MAX_METADATA_BYTES, WATCH_JOB_METHOD } from "../wire/limits.ts";
import { toGrpcFailure } from "../wire/status.ts";
import type { CallObserver, CallRecord } from "./call-record.ts";
import { elapsedMs } from "./call-record.ts";
import type { Gate, Passed, Progress } from "./gate.ts";
import type { ReadBudget, ReadSlot } from "./read-budget.ts";
import type { Answered, Sealer } from "./sealer.ts";
import { pathKind } from "./service-paths.ts";
import type { VerifiedCall } from "./verified-call.ts";

/** What the interceptor works with. */
export interface InterceptorOptions {
  readonly gate: Gate;
  readonly sealer: Sealer;
  readonly readBudget: ReadBudget;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly observers: readonly CallObserver[];
  /** How long a request may take to arrive whole. */
  readonly requestTimeoutMs: number;
  /** Most health and reflection calls open at once. */
  readonly anonymousCallsMax: number;
  /** Called with each key that passed. */
  readonly onKeyUsed: (keyId: string) => void;
}

/**
 * Makes the interceptor that every call goes through. It sees raw bytes (the services have identity codecs), passes
 * signed requests through the gate, and hands a {@link VerifiedCall} to the method's handler in their place.
 */
export function createInterceptor(options: InterceptorOptions): ServerInterceptor {
  const state = { anonymousCalls: 0 };
  return (method, call) => {
    switch (pathKind(method.path)) {
      case "signed":
        return new SignedCall(call, method.path, options);
      case "anonymous":
        return anonymousCall(call, state, options);
      case "native":
        return refusedCall(call, nativeToolError());
    }
  };
}

/** One call of ToolService on its way through the gate. */
class SignedCall extends ServerInterceptingCall {
  readonly #options: InterceptorOptions;
  readonly #record: CallRecord;
  readonly #progress: Progress = {};
  #passed: Passed | undefined;
  #readSlot: ReadSlot | undefined;
  #requestTimer: Disposable | undefined;
  #traceparent: string | undefined;
  #received = false;
  #ended = false;

  constructor(call: ServerInterceptingCallInterface, method: string, options: InterceptorOptions) {
    super(call, {
      start: (next) => next(this.#listener()),
      sendStatus: (status, next) => {
        this.#end(status.code ?? Status.UNKNOWN);
        next(status);
      },
    });
    this.#options = options;
    this.#record = { method, peer: call.getPeer(), startedAtMs: options.clock.monotonicMs(), reason: "" };
    for (const observer of options.observers) observer.callStarted(this.#record);
  }

  /** The first read waits for its share of the memory for unverified bytes. */
  override startRead(): void {
    if (this.#readSlot !== undefined) {
      super.startRead();
      return;
    }
    const { clock, readBudget, requestTimeoutMs } = this.#options;
    this.#requestTimer = clock.after(requestTimeoutMs, () => {
      this.#refuse(new SealwireError("DEADLINE_EXCEEDED", "The request did not arrive whole in time; send it faster."));
    });
    this.#readSlot = readBudget.slot(() => super.startRead());
    this.#readSlot.open();
  }

  #listener(): ServerListener {
    return {
      onReceiveMetadata: (metadata, next) => {
        this.#traceparent = readTraceparent(metadata);
        if (metadataBytes(metadata) > MAX_METADATA_BYTES) this.#refuse(metadataTooLarge());
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
    const { gate, sealer, logger, onKeyUsed } = this.#options;
    try {
      const passed = await gate.pass(this.#record.method, bytes, this.#progress);
      if (this.#ended) return passed.admitted.release();
      this.#passed = passed;
      this.#describe();
      const { request, envelope } = passed;
      const answered = { request, requestId: envelope.requestId, method: this.#record.method };
      onKeyUsed(request.key.keyId);
      next({
        envelope,
        key: request.key,
        traceparent: this.#traceparent,
        logger: logger.child({ client: envelope.clientId, request_id: envelope.requestId, tool: envelope.tool }),
        seal: (answer, sequence) => {
          this.#record.reason = answer.error?.reason ?? "";
          return sealer.seal(answer, answered, sequence);
        },
        refuse: (error, sequence) => {
          this.#record.reason = error.reason;
          return sealer.refuse(error, answered, sequence);
        },
      });
    } catch (thrown) {
      this.#describe();
      if (!(thrown instanceof SealwireError)) logger.error({ err: thrown }, "verification failed unexpectedly");
      this.#refuse(SealwireError.from(thrown));
    }
  }

  #refuse(error: SealwireError): void {
    if (this.#ended) return;
    this.#record.reason = error.reason;
    if (typeof error.cause === "string") this.#record.cause = error.cause;
    const answered = this.#answered();
    const sequence = this.#record.method === WATCH_JOB_METHOD ? FIRST_SEQUENCE : 0;
    this.sendStatus(
      answered === undefined ? toGrpcFailure(error) : this.#options.sealer.refuse(error, answered, sequence),
    );
  }

  /** Whom to answer, once the caller is authenticated. */
  #answered(): Answered | undefined {
    const { request, envelope } = this.#progress;
    return request && { request, requestId: envelope?.requestId ?? "", method: this.#record.method };
  }

  #describe(): void {
    const { request, envelope } = this.#progress;
    const record = this.#record;
    if (request !== undefined) record.keyId = request.key.keyId;
    if (envelope !== undefined) {
      record.tool = envelope.tool;
      record.client = envelope.clientId;
      record.requestId = envelope.requestId;
    }
    const trace = this.#traceparent?.split("-")[1];
    if (trace !== undefined) record.trace = trace;
  }

  #stopReading(): void {
    this.#readSlot?.close();
    this.#requestTimer?.[Symbol.dispose]();
  }

  #end(code: number): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#stopReading();
    this.#passed?.admitted.release();
    const durationMs = elapsedMs(this.#record, this.#options.clock);
    for (const observer of this.#options.observers) observer.callEnded(this.#record, code, durationMs);
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

function metadataTooLarge(): SealwireError {
  return new SealwireError("QUOTA_EXCEEDED", `The metadata exceeds ${MAX_METADATA_BYTES} bytes; send less of it.`, {
    retryable: false,
  });
}

function metadataBytes(metadata: Metadata): number {
  let bytes = 0;
  for (const [key, values] of Object.entries(metadata.toHttp2Headers())) {
    for (const value of Array.isArray(values) ? values : [values]) bytes += key.length + String(value ?? "").length;
  }
  return bytes;
}

/** A request is refused before any message of its stream. */
const FIRST_SEQUENCE = 1;

const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

/** The W3C trace context of the call, if it is well-formed. */
function readTraceparent(metadata: Metadata): string | undefined {
  const [value] = metadata.get("traceparent");
  return typeof value === "string" && TRACEPARENT.test(value) ? value : undefined;
}
