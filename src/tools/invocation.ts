import type { Any } from "../../gen/google/protobuf/any.ts";
import type { Envelope } from "../../gen/sealwire/v1/envelope.ts";
import type { SealwireError } from "../errors.ts";
import type { Logger } from "../runtime/logger.ts";
import type { VerificationKey } from "../signing/key-ring/types.ts";
import type { OpenSpan } from "../tracing/open-span.ts";
import type { CallerTrace } from "../tracing/tracing.ts";
import type { ToolContext } from "./handler.ts";
import { idempotencyKeyOf, intentDigestOf } from "./intent-key.ts";
import type { SystemToolContext } from "./system-tools.ts";
import type { Tool } from "./tool.ts";

/** An envelope that passed verification, so that its arguments are there. */
export type VerifiedEnvelope = Envelope & { readonly args: Any };

/** A request that was verified and accepted. */
export interface VerifiedRequest {
  readonly envelope: VerifiedEnvelope;
  readonly key: VerificationKey;
  /** W3C trace context, unsigned. */
  readonly traceparent: string | undefined;
  /** Id of the trace; `undefined` if there is none. */
  readonly trace: string | undefined;
  /** Address of the peer. */
  readonly peer: string;
  /** Set by the dispatcher: true once the audit log has a line of the call, so that its refusal needs none. */
  isAudited: boolean;
  /** W3C tracestate, unsigned; only used together with `traceparent`. */
  readonly tracestate: string | undefined;
  /** The span of the call; `undefined` without tracing. */
  readonly span: OpenSpan | undefined;
  /** The caller's deadline, in Unix milliseconds; Infinity: none. */
  readonly deadlineMs: number;
  /** Names client, request and tool in every line. */
  readonly logger: Logger;
  /** Counts the request as an open watch, not as a call in flight, until disposed. Throws QUOTA_EXCEEDED. */
  openWatch(): Disposable;
}

/** A request on its way to its tool. */
export interface Invocation {
  readonly request: VerifiedRequest;
  /** See {@link ToolContext.deadlineMs}. */
  readonly deadlineMs: number;
  /** Aborts when the call has ended before its tool. */
  readonly signal: AbortSignal;
  /** Aborts when the server drains. */
  readonly drainSignal: AbortSignal;
}

/** A verified unary call. */
export interface CallInvocation extends Invocation {
  /** The reason why the call was stopped; `undefined` while it runs. Work for a stopped call may end. */
  readonly stopped: SealwireError | undefined;
  /** Aborts the signal of a handler that still runs although its call has failed. */
  abort(reason: SealwireError): void;
  /** Set by the dispatcher: true while the tool's handler runs. */
  handlerRuns: boolean;
  /** Called when the handler has returned, which may be long after the call has ended. */
  handlerReturned(): void;
  /** Set by the dispatcher: true while the call's intent is recorded as running. */
  intentRuns: boolean;
  /** Set by the dispatcher for a tool whose intents are recorded. */
  intentDigest: Uint8Array | undefined;
  /** Set by the dispatcher: true if the handler has not returned in time. */
  isOverdue: boolean;
}

/**
 * The context of a sync call's handler. Deadline, signal, logger, trace context and idempotency key are determined on
 * access, because most handlers use none of them.
 */
export class CallContext implements ToolContext {
  readonly clientId: string;
  readonly requestId: string;
  readonly jobId = undefined;
  readonly attempt = 1;
  readonly args: Uint8Array;
  /** The tool's span; without tracing the trace context of the caller. */
  trace: CallerTrace;
  readonly progress = reportNowhere;
  readonly #tool: Tool;
  readonly #invocation: Invocation & Pick<Partial<CallInvocation>, "intentDigest">;

  constructor(tool: Tool, invocation: Invocation) {
    const { envelope } = invocation.request;
    this.#tool = tool;
    this.clientId = envelope.clientId;
    this.requestId = envelope.requestId;
    this.args = envelope.args.value;
    this.trace = invocation.request;
    this.#invocation = invocation;
  }

  get idempotencyKey(): string {
    const digest = this.#invocation.intentDigest ?? intentDigestOf(this.#tool, this.args);
    return idempotencyKeyOf(this.clientId, this.requestId, digest);
  }

  get deadlineMs(): number {
    return this.#invocation.deadlineMs;
  }

  get signal(): AbortSignal {
    return this.#invocation.signal;
  }

  get traceparent(): string | undefined {
    return this.trace.traceparent;
  }

  get tracestate(): string | undefined {
    return this.trace.tracestate;
  }

  get logger(): Logger {
    return this.#invocation.request.logger;
  }
}

/** The context of a system tool's handler. */
export class SystemCallContext extends CallContext implements SystemToolContext {
  readonly key: VerificationKey;
  readonly peer: string;
  readonly drainSignal: AbortSignal;
  readonly openWatch: () => Disposable;

  constructor(tool: Tool, invocation: Invocation) {
    super(tool, invocation);
    this.key = invocation.request.key;
    this.peer = invocation.request.peer;
    this.drainSignal = invocation.drainSignal;
    this.openWatch = () => invocation.request.openWatch();
  }
}

function reportNowhere(): void {}
