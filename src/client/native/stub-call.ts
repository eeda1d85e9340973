import { type InterceptorOptions, Metadata, type NextCall, status as Status } from "@grpc/grpc-js";
import { SealwireError } from "../../errors.ts";
import { systemClock } from "../../runtime/clock.ts";
import { unlessAborted } from "../calls/deadline.ts";
import type { NativeCall } from "./native-call.ts";
import { failureBefore, type NativeFailure } from "./native-status.ts";

/** The call of a stub, below its interceptors. */
type CallBelow = ReturnType<NextCall>;
type MessageContext = Parameters<CallBelow["sendMessageWithContext"]>[0];
type Listener = NonNullable<Parameters<CallBelow["start"]>[1]>;
type StatusObject = Parameters<NonNullable<Listener["onReceiveStatus"]>>[0];

/** Carries out a call whose request is complete. Never rejects. */
export type ServeStubCall = (call: StubCall, request: Buffer) => void;

/** A call of a stub in this process that is answered by the client library. It has no stream of its own. */
export class StubCall implements NativeCall, CallBelow {
  readonly path: string;
  readonly deadlineMs: number;
  readonly #definition: InterceptorOptions["method_definition"];
  readonly #serve: ServeStubCall;
  readonly #controller = new AbortController();
  #metadata = new Metadata();
  /** The initial metadata, which tells the ids of the call. */
  #sent = new Metadata();
  #listener: Listener = {};
  #request: Buffer | undefined;
  #hasEnded = false;
  #isAbandoned = false;
  #timer: Disposable | undefined;
  /** Lets the sender of the last message go on. */
  #onRead: (() => void) | undefined;

  constructor({ method_definition: definition, deadline }: InterceptorOptions, serve: ServeStubCall) {
    this.path = definition.path;
    this.deadlineMs = deadline instanceof Date ? deadline.getTime() : (deadline ?? Infinity);
    this.#definition = definition;
    this.#serve = serve;
  }

  get metadata(): Metadata {
    return this.#metadata;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get isAbandoned(): boolean {
    return this.#isAbandoned;
  }

  /** Called by the stub first. */
  start(metadata: Metadata, listener: Listener = {}): void {
    this.#metadata = metadata;
    this.#listener = listener;
    if (this.deadlineMs === Infinity) return;
    this.#timer = systemClock.after(this.deadlineMs - systemClock.nowMs(), () => {
      this.#abandon(Status.DEADLINE_EXCEEDED, "The deadline of the call has passed.");
    });
  }

  sendMessageWithContext({ callback }: MessageContext, message: unknown): void {
    this.sendMessage(message);
    // A stub that streams its requests waits for this before it sends the next one.
    if (callback !== undefined) queueMicrotask(callback);
  }

  sendMessage(message: unknown): void {
    if (this.#request !== undefined) {
      this.#refuse(new SealwireError("ENVELOPE_INVALID", "A tool takes one message.", { status: "UNIMPLEMENTED" }));
      return;
    }
    try {
      this.#request = this.#definition.requestSerialize(message);
    } catch (cause) {
      const problem = cause instanceof Error ? cause.message : String(cause);
      this.#refuse(new SealwireError("ARGS_INVALID", `The request cannot be encoded: ${problem}`, { cause }));
    }
  }

  halfClose(): void {
    if (this.#hasEnded) return;
    if (this.#request !== undefined) this.#serve(this, this.#request);
    else this.#refuse(new SealwireError("ENVELOPE_INVALID", "A tool takes a message.", { status: "UNIMPLEMENTED" }));
  }

  startRead(): void {
    this.#onRead?.();
  }

  cancelWithStatus(code: Status, details: string): void {
    this.#abandon(code, details);
  }

  getPeer(): string {
    return "sealwire";
  }

  getAuthContext(): null {
    return null;
  }

  sendMetadata(metadata: Metadata): void {
    if (this.#hasEnded) return;
    this.#sent = metadata;
    this.#listener.onReceiveMetadata?.(metadata);
  }

  /** Resolves when the stub reads the next message. */
  async send(message: Uint8Array): Promise<void> {
    if (this.#hasEnded) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onRead = resolve;
    if (this.#deliver(message)) await unlessAborted(promise, this.signal);
  }

  finish(message: Uint8Array | undefined, trailers: Metadata): void {
    if (message !== undefined && !this.#deliver(message)) return;
    this.#end({ code: Status.OK, details: "", metadata: trailers });
  }

  fail({ code, details, metadata, error }: NativeFailure): void {
    // grpc-js copies every property of a status to the error that the caller gets.
    const status: StatusObject & { readonly cause: SealwireError } = { code, details, metadata, cause: error };
    this.#end(status);
  }

  /** False if the message does not decode, which ends the call. */
  #deliver(message: Uint8Array): boolean {
    if (this.#hasEnded) return false;
    let decoded: unknown;
    try {
      decoded = this.#definition.responseDeserialize(Buffer.from(message));
    } catch (cause) {
      const problem = cause instanceof Error ? cause.message : String(cause);
      this.#refuse(new SealwireError("RESPONSE_INVALID", `The answer cannot be decoded: ${problem}`, { cause }));
      return false;
    }
    this.#listener.onReceiveMessage?.(decoded);
    return true;
  }

  /** Ends the call by itself, once the stub has started it. */
  #refuse(error: SealwireError): void {
    this.#isAbandoned = true;
    queueMicrotask(() => {
      this.fail(failureBefore(error));
      this.#controller.abort(error);
    });
  }

  #abandon(code: Status, details: string): void {
    this.#isAbandoned = true;
    this.#end({ code, details, metadata: this.#sent });
    this.#controller.abort(new SealwireError("CANCELLED", "The caller cancelled the call, or its time was up."));
  }

  #end(status: StatusObject): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#timer?.[Symbol.dispose]();
    this.#listener.onReceiveStatus?.(status);
  }
}
