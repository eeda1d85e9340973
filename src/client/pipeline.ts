import { status } from "@grpc/grpc-js";
import { CALL_STREAM_METHOD, MAX_REQUEST_BYTES } from "../wire/limits.ts";
import { CallStream, type CallStreamOptions, type StreamedCall } from "./call-stream.ts";
import { type Outcome, readUnsigned } from "./outcome.ts";

/** Sends calls over one stream for each server, in turn, and opens another when one has ended. */
export class Pipeline {
  readonly #options: CallStreamOptions;
  readonly #streams = new Map<number, CallStream>();
  #turn = 0;

  constructor(options: CallStreamOptions) {
    this.#options = options;
  }

  /** Sends one attempt, signed for ToolService.CallStream, and waits for its answer. Never rejects. */
  async send(call: StreamedCall): Promise<Outcome> {
    // The server's end of the stream would answer so, and take every other call of the stream with it.
    if (call.frame.length > MAX_REQUEST_BYTES) return readUnsigned(overSize(call.frame), call.requestId);
    return this.#next().send(call);
  }

  /** Ends the streams; what is unanswered stays so. */
  close(): void {
    for (const stream of this.#streams.values()) stream.cancel();
  }

  #next(): CallStream {
    this.#turn = (this.#turn + 1) % (this.#options.transport.alternatives + 1);
    let stream = this.#streams.get(this.#turn);
    if (stream?.isOpen !== true) {
      stream = new CallStream(CALL_STREAM_METHOD, this.#options);
      this.#streams.set(this.#turn, stream);
    }
    return stream;
  }
}

function overSize({ length }: Buffer): { code: number; details: string } {
  const details = `Request message larger than max (${length} vs. ${MAX_REQUEST_BYTES})`;
  return { code: status.RESOURCE_EXHAUSTED, details };
}
