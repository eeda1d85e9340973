import type { Clock } from "../../runtime/clock.ts";
import { MESSAGE_MOST } from "./child-transport.ts";

/** Time in milliseconds for the answer to a notification. */
const NOTIFICATION_MS = 30_000;
/** Number of the last bytes in which the end of an event may begin. */
const TAIL_BYTES = 3;
const EVENT_ENDS = ["\n\n", "\r\r", "\n\r\n"].map((end) => Buffer.from(end));

/** What matters of a message that is sent. */
interface SentMessage {
  readonly id?: string | number;
  readonly method?: string;
  readonly params?: { readonly requestId?: string | number };
}

/** The code of the answer that is made when a stream ends without one. No server should use it. */
export const LOST_CODE = -32_097;
/** The message of that answer. */
export const LOST_MESSAGE = "The stream of the request has ended without an answer.";

/** An open exchange. */
interface Exchange {
  readonly id: SentMessage["id"];
  /** Aborts when the request is cancelled. */
  readonly signal: AbortSignal;
  close(): void;
}

/**
 * Makes the `fetch` of one connection to an MCP server over HTTP. The package reads messages of any size, and waits for
 * an answer even after its stream has ended, and, of a request of 2025-11-25 and before, after it was cancelled. Here
 * a message that is too large fails, a stream that ends answers its request, and a cancelled request is closed.
 */
export function boundedFetch(clock: Clock): typeof fetch {
  const open = new Map<string | number, AbortController>();
  const begin = ({ id, method }: SentMessage, signal: AbortSignal | null | undefined): Exchange => {
    const ended = new AbortController();
    const isNotification = id === undefined && method !== undefined;
    const limit = isNotification ? clock.after(NOTIFICATION_MS, () => ended.abort()) : undefined;
    if (id !== undefined) open.set(id, ended);
    return {
      id,
      signal: signal ? AbortSignal.any([signal, ended.signal]) : ended.signal,
      close() {
        limit?.[Symbol.dispose]();
        if (id !== undefined && open.get(id) === ended) open.delete(id);
      },
    };
  };
  return async (input, init = {}) => {
    const message = messageOf(init.body);
    const exchange = begin(message, init.signal);
    try {
      const asked = fetch(input, { ...init, signal: exchange.signal });
      if (message.method === "notifications/cancelled") open.get(message.params?.requestId ?? "")?.abort();
      const response = await asked;
      if (response.body !== null) return limited(response, response.body, exchange);
      exchange.close();
      return response;
    } catch (thrown) {
      exchange.close();
      throw thrown;
    }
  };
}

function messageOf(body: unknown): SentMessage {
  return typeof body === "string" ? JSON.parse(body) : {};
}

function limited(response: Response, body: AsyncIterable<Uint8Array>, exchange: Exchange): Response {
  const isStream = response.headers.get("content-type")?.startsWith("text/event-stream") ?? false;
  const { status, statusText, headers } = response;
  const bytes = isStream ? events(body, exchange) : whole(body, exchange);
  return new Response(ReadableStream.from(bytes), { status, statusText, headers });
}

/** Passes a body on. Throws if it is too large. */
async function* whole(body: AsyncIterable<Uint8Array>, exchange: Exchange): AsyncGenerator<Uint8Array> {
  let length = 0;
  try {
    for await (const chunk of body) {
      length += chunk.length;
      checkLength(length);
      yield chunk;
    }
  } finally {
    exchange.close();
  }
}

/** Passes a stream of events on until it ends or an event is too large. Then adds an answer of its own. */
async function* events(body: AsyncIterable<Uint8Array>, exchange: Exchange): AsyncGenerator<Uint8Array> {
  const { id, signal } = exchange;
  let length = 0;
  let tail = Buffer.from("\n");
  // A subscription, whose id is a text, is followed by its stream. A stream with ids is continued by another request.
  let isFinal = typeof id === "number";
  try {
    for await (const chunk of body) {
      length += chunk.length;
      const recent = Buffer.concat([tail, chunk]);
      const end = Math.max(...EVENT_ENDS.map((each) => recent.lastIndexOf(each)));
      if (end >= 0) length = recent.length - end;
      tail = recent.subarray(-TAIL_BYTES);
      checkLength(length);
      isFinal &&= !recent.includes("\nid:") && !recent.includes("\rid:");
      yield chunk;
    }
  } catch (thrown) {
    if (signal.aborted || !isFinal) throw thrown;
  } finally {
    exchange.close();
  }
  // The package ignores a second answer to a request.
  if (isFinal) yield Buffer.from(`\n\ndata: ${lost(id)}\n\n`);
}

function lost(id: SentMessage["id"]): string {
  return JSON.stringify({ jsonrpc: "2.0", id, error: { code: LOST_CODE, message: LOST_MESSAGE } });
}

function checkLength(length: number): void {
  if (length > MESSAGE_MOST) throw new Error(`a message of more than ${MESSAGE_MOST} bytes`);
}
