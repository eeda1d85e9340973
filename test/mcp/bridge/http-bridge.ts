import { request as httpRequest, type IncomingMessage } from "node:http";
import { fixedCredentials } from "../../../src/client/credentials-source.ts";
import { tokenDigest } from "../../../src/files/token-lines.ts";
import { type HttpBridge, type HttpOptions, serveHttp } from "../../../src/mcp/bridge/http/serve-http.ts";
import type { TestServer } from "../../support/running-server.ts";
import { recordingLogger } from "../servers/running-fixture.ts";
import { type Message, MODERN_META } from "./raw-host.ts";

/** A bridge over HTTP in this process. Each client of the server is a principal with the token {@link tokenOf}. */
export interface RunningHttpBridge extends AsyncDisposable {
  readonly bridge: HttpBridge;
  readonly port: number;
  readonly log: () => string;
}

/** The token of a client. */
export function tokenOf(clientId: string): string {
  return `${clientId}-`.padEnd(40, "0");
}

/** Starts a bridge for these clients of the server. */
export async function startHttpBridge(
  server: TestServer,
  clientIds: readonly string[] = ["alice"],
  options: Partial<Omit<HttpOptions, "principals">> = {},
): Promise<RunningHttpBridge> {
  const { logger, text } = recordingLogger();
  const bridge = await serveHttp({
    listen: "127.0.0.1:0",
    progressIntervalMs: 100,
    logger,
    ...options,
    principals: clientIds.map((name) => ({
      name,
      digest: tokenDigest(tokenOf(name)),
      client: server.client(name),
      credentials: fixedCredentials(server.credentials(name)),
    })),
  });
  const port = Number(new URL(bridge.url).port);
  return { bridge, port, log: text, [Symbol.asyncDispose]: () => bridge[Symbol.asyncDispose]() };
}

/** A request as it is sent. */
export interface RawRequest {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal?: AbortSignal;
}

/** The answer of a bridge. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
}

/** Sends a request as a client of plain HTTP. */
export function send(port: number, { method = "POST", path = "/mcp", headers = {}, body, signal }: RawRequest = {}) {
  return new Promise<RawAnswer>((resolve, reject) => {
    const request = httpRequest(
      { host: "127.0.0.1", port, method, path, headers, agent: false, ...(signal && { signal }) },
      (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (part: string) => {
          text += part;
        });
        response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
        response.on("error", reject);
      },
    );
    request.on("error", reject);
    request.end(body);
  });
}

/** The headers of a client with a token. */
export function headersOf(clientId: string): Readonly<Record<string, string>> {
  return {
    authorization: `Bearer ${tokenOf(clientId)}`,
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
  };
}

/** Who calls: the port of the bridge, and the id of the client. */
export type Caller = readonly [port: number, clientId: string];

/** A request in the protocol 2026-07-28, and its answer without the notifications before it. */
export async function callModern(
  [port, clientId]: Caller,
  method: string,
  params: { readonly name?: string; readonly taskId?: string; readonly [key: string]: unknown },
  { meta = MODERN_META, signal }: { readonly meta?: object; readonly signal?: AbortSignal } = {},
): Promise<Message> {
  const name = params.name ?? params.taskId;
  const { text } = await send(port, {
    headers: {
      ...headersOf(clientId),
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": method,
      ...(name !== undefined && { "mcp-name": name }),
    },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params: { ...params, _meta: meta } }),
    ...(signal && { signal }),
  });
  return answerIn(text);
}

/** A request in a protocol before 2026-07-28. */
export async function callLegacy([port, clientId]: Caller, method: string, params: object): Promise<Message> {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
  return answerIn((await send(port, { headers: headersOf(clientId), body })).text);
}

/** The answer in a body of JSON or in a stream of events. */
function answerIn(text: string): Message {
  if (text.startsWith("{")) return JSON.parse(text) as Message;
  const data = text.split("\n").filter((line) => line.startsWith("data: "));
  const messages = data.map((line) => JSON.parse(line.slice("data: ".length)) as Message);
  const answer = messages.find(({ method }) => method === undefined);
  if (answer === undefined) throw new Error(`no answer in ${text}`);
  return answer;
}
