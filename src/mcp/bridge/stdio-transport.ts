import type { JSONRPCMessage, Transport } from "@modelcontextprotocol/server";
import type { Clock } from "../../runtime/clock.ts";
import type { ServerSdk } from "./sdk.ts";

/** Options of {@link StdioTransport}. */
export interface StdioTransportOptions {
  readonly sdk: ServerSdk;
  readonly input: AsyncIterable<Uint8Array>;
  /** Writes bytes of the protocol, unchanged. */
  readonly write: (bytes: Uint8Array) => void;
  /** Called when the host has closed the input. */
  readonly onInputEnd: () => void;
  readonly clock: Clock;
}

/** Longest message of a host: the largest request of Sealwire as base64, with room to spare. */
const LINE_BYTES_MOST = 4 * 1024 * 1024;
const NEW_LINE = 0x0a;

/**
 * Serves one host over a pair of byte streams, a message a line. Unlike the transport of the SDK, it answers requests in
 * flight after the host has closed its end, and lines that are no messages.
 */
export class StdioTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;
  readonly #options: StdioTransportOptions;
  /** The ids of requests without an answer. */
  readonly #inFlight = new Set<string | number>();
  readonly #idle: (() => void)[] = [];
  #isReading = true;
  #isClosed = false;

  constructor(options: StdioTransportOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    void this.#read();
  }

  async send(message: JSONRPCMessage): Promise<void> {
    if (this.#isClosed) throw new Error("The connection to the host is closed.");
    this.#options.write(Buffer.from(this.#options.sdk.serializeMessage(message)));
    if (!("method" in message) && "id" in message && message.id !== undefined) this.#settle(message.id);
  }

  /** Reads no further requests. */
  stopReading(): void {
    this.#isReading = false;
  }

  /** Resolves when every request has been answered, or after `mostMs`. */
  async idle(mostMs: number): Promise<void> {
    if (this.#inFlight.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#idle.push(resolve);
    using _timer = this.#options.clock.after(mostMs, resolve);
    await promise;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#isReading = false;
    this.onclose?.();
  }

  async #read(): Promise<void> {
    const lines = new Lines();
    try {
      for await (const chunk of this.#options.input) {
        for (const line of lines.push(chunk)) this.#take(line);
        if (!this.#isReading) return;
      }
    } catch (error) {
      this.onerror?.(error as Error);
    }
    this.#options.onInputEnd();
  }

  #take(line: string | undefined): void {
    if (!this.#isReading) return;
    if (line === undefined) {
      this.#refuse(INVALID_REQUEST, `A message must have at most ${LINE_BYTES_MOST} bytes.`);
      return;
    }
    if (line.trim() === "") return;
    let message: JSONRPCMessage;
    try {
      message = this.#options.sdk.deserializeMessage(line);
    } catch (error) {
      this.onerror?.(error as Error);
      if (error instanceof SyntaxError) this.#refuse(PARSE_ERROR, "The line is not valid JSON.");
      else this.#refuse(INVALID_REQUEST, "The line is no message of JSON-RPC 2.0.", idOf(line));
      return;
    }
    this.#note(message);
    this.onmessage?.(message);
  }

  #note(message: JSONRPCMessage): void {
    if (!("method" in message)) return;
    if ("id" in message) this.#inFlight.add(message.id);
    // A cancelled request gets no answer.
    else if (message.method === "notifications/cancelled") {
      const id = message.params?.requestId;
      if (typeof id === "string" || typeof id === "number") this.#settle(id);
    }
  }

  #refuse(code: number, message: string, id: string | number | null = null): void {
    const answer = { jsonrpc: "2.0", id, error: { code, message } };
    this.#options.write(Buffer.from(`${JSON.stringify(answer)}\n`));
  }

  #settle(id: string | number): void {
    this.#inFlight.delete(id);
    if (this.#inFlight.size === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }
}

const PARSE_ERROR = -32700;
const INVALID_REQUEST = -32600;

/** The id of a request that is none otherwise, so that its host does not wait for the answer; `null` for other JSON. */
function idOf(line: string): string | number | null {
  const { id, method }: { readonly id?: unknown; readonly method?: unknown } = JSON.parse(line) ?? {};
  return method !== undefined && (typeof id === "string" || typeof id === "number") ? id : null;
}

/** Splits bytes into lines. */
class Lines {
  #parts: Uint8Array[] = [];
  #bytes = 0;

  /** The lines that end in the chunk; `undefined` for one that is too long. */
  *push(chunk: Uint8Array): Generator<string | undefined> {
    let start = 0;
    for (let end = chunk.indexOf(NEW_LINE); end >= 0; end = chunk.indexOf(NEW_LINE, start)) {
      this.#keep(chunk.subarray(start, end));
      yield this.#take();
      start = end + 1;
    }
    this.#keep(chunk.subarray(start));
  }

  #keep(part: Uint8Array): void {
    this.#bytes += part.length;
    if (this.#bytes > LINE_BYTES_MOST) this.#parts = [];
    else this.#parts.push(part);
  }

  #take(): string | undefined {
    const line = this.#bytes > LINE_BYTES_MOST ? undefined : Buffer.concat(this.#parts).toString("utf8");
    this.#parts = [];
    this.#bytes = 0;
    return line;
  }
}
