import { CALL_STREAM_METHOD } from "../../wire/limits.ts";
import type { Outcome } from "../calls/outcome.ts";
import { CallStream, type CallStreamOptions, type StreamedCall } from "./call-stream.ts";

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
