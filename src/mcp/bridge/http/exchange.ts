import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { McpHttpHandler } from "@modelcontextprotocol/server";

/** Options of {@link serveExchange}. */
export interface ExchangeOptions {
  readonly handler: Pick<McpHttpHandler, "fetch">;
  /** Longest body of a request. */
  readonly maxBodyBytes: number;
}

/** Headers that nobody behind the HTTP server needs: secrets, and what describes the connection. */
const WITHHELD: ReadonlySet<string> = new Set(["authorization", "cookie", "connection", "content-length", "host"]);

/**
 * Serves one POST by the SDK's handler. The body is read and parsed here: handed over as a stream, it would be copied and
 * read twice. Aborts the handler's request if the client goes. Rejects if the handler does.
 */
export async function serveExchange(
  request: IncomingMessage,
  response: ServerResponse,
  { handler, maxBodyBytes }: ExchangeOptions,
): Promise<void> {
  const gone = new AbortController();
  response.once("close", () => {
    if (!response.writableFinished) gone.abort();
  });
  const body = await readBody(request, maxBodyBytes);
  if (body === "too-large") return refuse(response, maxBodyBytes);
  if (body === "gone") return;
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers)) {
    if (value !== undefined && !WITHHELD.has(name)) headers.set(name, String(value));
  }
  const init = { method: "POST", headers };
  const url = `http://bridge${request.url}`;
  const parsed = parse(body);
  // The SDK answers what is no JSON.
  const answer =
    parsed === undefined
      ? await handler.fetch(requestOf(url, { ...init, body }, gone.signal))
      : await handler.fetch(requestOf(url, init, gone.signal), { parsedBody: parsed });
  await write(answer, response, gone.signal);
}

/**
 * Makes a request with a signal. A Request that is constructed with one follows it by weak references, which only a full
 * garbage collection frees: all objects of the call would outlive it.
 */
function requestOf(url: string, init: Omit<RequestInit, "signal">, signal: AbortSignal): Request {
  return Object.defineProperty(new Request(url, init), "signal", { value: signal });
}

/** Reads the body as text; "gone" if the client ended the connection before it was complete. */
async function readBody(request: IncomingMessage, mostBytes: number): Promise<string | "too-large" | "gone"> {
  if (Number(request.headers["content-length"]) > mostBytes) return "too-large";
  const chunks: Buffer[] = [];
  let length = 0;
  const { promise, resolve } = Promise.withResolvers<string | "too-large" | "gone">();
  request.on("data", (chunk: Buffer) => {
    length += chunk.length;
    if (length > mostBytes) resolve("too-large");
    else chunks.push(chunk);
  });
  request.once("end", () => resolve(Buffer.concat(chunks).toString("utf8")));
  request.once("error", () => resolve("gone"));
  request.once("close", () => resolve("gone"));
  return await promise;
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

async function write(answer: Response, response: ServerResponse, gone: AbortSignal): Promise<void> {
  const isStream = answer.headers.get("content-type")?.startsWith("text/event-stream") ?? false;
  const whole = isStream ? undefined : Buffer.from(await answer.arrayBuffer());
  if (gone.aborted) return;
  const headers = Object.fromEntries(answer.headers);
  if (whole !== undefined) {
    response.writeHead(answer.status, { ...headers, "content-length": whole.length }).end(whole);
    return;
  }
  response.writeHead(answer.status, headers);
  response.flushHeaders();
  const reader = answer.body?.getReader();
  // Ends the wait for the next event.
  gone.addEventListener("abort", () => void reader?.cancel().catch(() => {}), { once: true });
  for (let read = await reader?.read(); read?.done === false; read = await reader?.read()) {
    if (gone.aborted) return;
    if (!response.write(read.value)) await once(response, "drain", { signal: gone }).catch(() => {});
  }
  response.end();
}

function refuse(response: ServerResponse, maxBodyBytes: number): void {
  const message = `The request is too large: ${maxBodyBytes} bytes are the most.`;
  response.writeHead(413, { "content-type": "application/json", connection: "close" });
  response.end(JSON.stringify({ jsonrpc: "2.0", id: null, error: { code: -32_000, message } }));
}
