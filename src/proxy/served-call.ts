import type { Metadata } from "@grpc/grpc-js";
import { unlessAborted } from "../client/calls/deadline.ts";
import type { NativeCall } from "../client/native/native-call.ts";
import { SealwireError } from "../errors.ts";
import type { Expiring, TimeLimit } from "../runtime/time-limit.ts";
import type { Stoppable } from "../server/request/drain.ts";
import { requestTooSlow } from "../server/request/request.ts";
import type { GrpcFailure } from "../wire/status.ts";
import type { NativeStream } from "./native-server.ts";

/** A call of a native client of the proxy. */
export class ServedCall implements NativeCall, Stoppable, Expiring {
  readonly #stream: NativeStream;
  readonly #controller = new AbortController();
  #isAbandoned = false;

  constructor(stream: NativeStream) {
    this.#stream = stream;
    // grpc-js emits it also after the end of every call.
    stream.once("cancelled", () => {
      this.#isAbandoned = true;
      this.stop(new SealwireError("CANCELLED", "The caller cancelled the call or disconnected, or its time was up."));
    });
  }

  /** `/package.Service/Method`. */
  get path(): string {
    return this.#stream.getPath();
  }

  get metadata(): Metadata {
    return this.#stream.metadata;
  }

  get deadlineMs(): number {
    const deadline = this.#stream.getDeadline();
    return deadline instanceof Date ? deadline.getTime() : deadline;
  }

  /** Aborts also when the call is stopped. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get isAbandoned(): boolean {
    return this.#isAbandoned;
  }

  stop(reason: SealwireError): void {
    this.#controller.abort(reason);
  }

  expire(): void {
    this.stop(requestTooSlow());
  }

  /** Reads the request within the time limit. Throws if there is none, or more than one. */
  async request(time: TimeLimit): Promise<Buffer> {
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
    const messages: Buffer[] = [];
    this.#stream.on("data", (bytes: Buffer) => {
      messages.push(bytes);
      if (messages.length > 1) reject(notUnary("one request message, and this call sends more"));
    });
    this.#stream.once("end", () => {
      const [message] = messages;
      if (message === undefined) reject(notUnary("one request message, and this call sends none"));
      else resolve(message);
    });
    const running = time.begin(this);
    try {
      return await unlessAborted(promise, this.signal);
    } finally {
      time.end(running);
    }
  }

  sendMetadata(metadata: Metadata): void {
    if (!this.#isAbandoned) this.#stream.sendMetadata(metadata);
  }

  /** Resolves when the connection has taken the message, so that a slow reader delays the caller. */
  send(message: Uint8Array): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (!this.#isAbandoned) this.#stream.write(asBuffer(message), () => resolve());
    return unlessAborted(promise, this.signal);
  }

  finish(message: Uint8Array | undefined, trailers: Metadata): void {
    if (this.#isAbandoned) return;
    if (message !== undefined) this.#stream.write(asBuffer(message));
    this.#stream.end(trailers);
  }

  fail(failure: GrpcFailure): void {
    if (!this.#isAbandoned) this.#stream.emit("error", failure);
  }
}

/** The same bytes as grpc-js requires them. */
function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

function notUnary(takes: string): SealwireError {
  return new SealwireError("ENVELOPE_INVALID", `A tool takes ${takes}.`, { status: "UNIMPLEMENTED" });
}
