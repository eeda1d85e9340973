import type { IncomingMessage, ServerResponse } from "node:http";
import type { McpHttpHandler } from "@modelcontextprotocol/server";
import { SealwireError } from "../../../errors.ts";
import type { Clock } from "../../../runtime/clock.ts";
import { formatAddress, isLocal, type ListenAddress, parseListenAddress } from "../../../server/listen/address.ts";
import { type HttpListener, listenForHttp } from "../../../server/listen/http-listener.ts";
import type { ServerTlsOptions } from "../../../server/options.ts";
import { RefusalCounts } from "../../../server/request/refusal-counts.ts";
import { Bridge, type BridgeContext } from "../bridge.ts";
import { makeServer } from "../mcp-server.ts";
import { type BridgeOptions, type Principal, resolveBridgeOptions } from "../options.ts";
import { loadServerSdk } from "../sdk.ts";
import { startRegistry } from "../serve-stdio.ts";
import { CallerCheck, isRefused, MCP_PATH, type RefusedRequest } from "./caller-check.ts";
import { serveExchange } from "./exchange.ts";
import type { TokenEntry } from "./token-file.ts";

/** Whom the bearer of a token calls for. */
export interface HttpPrincipal extends Principal, Pick<TokenEntry, "name" | "digest"> {}

/** Options of {@link serveHttp}. */
export interface HttpOptions extends BridgeOptions {
  /** "HOST:PORT". Beyond loopback it needs `tls`. Port 0 selects a free port. */
  readonly listen: string;
  readonly tls?: ServerTlsOptions | undefined;
  readonly principals: readonly HttpPrincipal[];
}

/** A bridge that serves hosts over HTTP. */
export interface HttpBridge extends AsyncDisposable {
  /** The address of the endpoint, with the actual port. */
  readonly url: string;
  /**
   * Shuts down: takes no more requests, and waits for those in flight. Those that wait for jobs are answered a second
   * before `graceMs`, after which the others are cut off. Jobs go on. Idempotent.
   */
  drain(graceMs?: number): Promise<void>;
}

const BODY_BYTES_MOST = 1_048_576;
const CONNECTIONS_MOST = 1_000;
/** A host may wait for a job for as long, and hear nothing. */
const SILENCE_MOST_MS = 86_400_000;
/** How long a client may leave an answer unread. */
const UNREAD_TIMEOUT_MS = 60_000;
const GRACE_MS = 10_000;
const ANSWER_MS = 1_000;

/**
 * Serves the tools of a server to hosts over HTTP, each with the token of its principal. Throws OPTIONS_INVALID for
 * invalid options, for an address beyond loopback without TLS, and if two tools would have one name.
 */
export async function serveHttp(options: HttpOptions): Promise<HttpBridge> {
  const address = checkPlace(options);
  const resolved = resolveBridgeOptions(options);
  const sdk = await loadServerSdk();
  const [drain, closing] = [new AbortController(), new AbortController()];
  const context = { sdk, options: resolved, drainSignal: drain.signal, closingSignal: closing.signal };
  const endpoints = await Promise.all(options.principals.map((principal) => endpointOf(context, principal)));
  const server = new BridgeServer({ address, tls: options.tls, endpoints, context });
  await server.listen();
  let drained: Promise<void> | undefined;
  const end = async (graceMs: number): Promise<void> => {
    closing.abort();
    using _timer = resolved.clock.after(Math.max(0, graceMs - ANSWER_MS), () => drain.abort());
    await server.close(graceMs);
  };
  const drainOnce = (graceMs = GRACE_MS): Promise<void> => {
    drained ??= end(graceMs);
    return drained;
  };
  return { url: server.url, drain: drainOnce, [Symbol.asyncDispose]: () => drainOnce(0) };
}

/** Checks where a bridge listens. Throws OPTIONS_INVALID. */
export function checkPlace({ listen, tls }: Pick<HttpOptions, "listen" | "tls">): ListenAddress & { kind: "tcp" } {
  const address = parseListenAddress(listen);
  if (address.kind === "unix") {
    throw new SealwireError("OPTIONS_INVALID", "MCP hosts reach a bridge by HOST:PORT, not by a unix socket.");
  }
  if (tls !== undefined || isLocal(address)) return address;
  throw new SealwireError(
    "OPTIONS_INVALID",
    `Without TLS the bridge listens on this machine only, not on ${formatAddress(address)}; give it a certificate (--tls-cert, --tls-key).`,
  );
}

/** One principal's handler. */
interface Endpoint extends Pick<TokenEntry, "name" | "digest"> {
  readonly handler: McpHttpHandler;
}

async function endpointOf(context: BridgeContext, principal: HttpPrincipal): Promise<Endpoint> {
  const { logger } = context.options;
  const bridge = new Bridge(context, principal);
  await startRegistry(bridge);
  const handler = context.sdk.createMcpHandler(
    ({ era }) => makeServer(bridge, { era, closingCancels: era === "modern" }),
    { maxRequestBodySize: BODY_BYTES_MOST, onerror: (err) => logger.debug({ err }, "protocol error") },
  );
  bridge.onToolsChanged(() => handler.notify.toolsChanged());
  return { name: principal.name, digest: principal.digest, handler };
}

interface BridgeServerOptions {
  readonly address: ListenAddress & { kind: "tcp" };
  readonly tls: ServerTlsOptions | undefined;
  readonly endpoints: readonly Endpoint[];
  readonly context: BridgeContext;
}

/** The HTTP server in front of the endpoints: whoever may not call gets no further. */
class BridgeServer {
  readonly #options: BridgeServerOptions;
  readonly #refusals: RefusalCounts;
  readonly #clock: Clock;
  #listener: HttpListener | undefined;
  #callers: CallerCheck<Endpoint> | undefined;
  #open = 0;
  #isDraining = false;

  constructor(options: BridgeServerOptions) {
    const { logger, clock } = options.context.options;
    this.#options = options;
    this.#clock = clock;
    this.#refusals = new RefusalCounts(logger, clock, "requests refused");
  }

  async listen(): Promise<void> {
    const { address, tls, endpoints, context } = this.#options;
    const { clock, logger } = context.options;
    const limits = { connectionsMost: CONNECTIONS_MOST, silenceMostMs: SILENCE_MOST_MS };
    const place = { what: "the bridge", address, tls, ...limits, clock, logger };
    this.#listener = await listenForHttp(place, (request, response) => this.#serve(request, response));
    this.#callers = new CallerCheck(endpoints, this.#listener.own);
  }

  get url(): string {
    return `${this.#listener?.origin}${MCP_PATH}`;
  }

  async close(graceMs: number): Promise<void> {
    this.#isDraining = true;
    const closed = this.#listener?.close(graceMs);
    // Hosts hold subscriptions open until they are told that they end.
    const ended = this.#options.endpoints.map(({ handler }) => handler);
    if (this.#open === 0) await Promise.all(ended.map((handler) => handler.close()));
    await closed;
    await Promise.all(ended.map((handler) => handler.close()));
    this.#refusals.write();
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const checked = this.#callers?.check(request.method ?? "", request.url ?? "", request.headers);
    if (checked === undefined || isRefused(checked)) {
      this.#refuse(request, response, checked);
      return;
    }
    this.#open += 1;
    const held = this.#listener?.hold(request.socket);
    response.once("close", () => {
      this.#open -= 1;
      held?.[Symbol.dispose]();
    });
    if (this.#isDraining) response.setHeader("connection", "close");
    this.#cutUnread(response);
    const exchange = { handler: checked.handler, maxBodyBytes: BODY_BYTES_MOST };
    serveExchange(request, response, exchange).catch((err) => {
      this.#options.context.options.logger.error({ err }, "a request could not be served");
      response.destroy();
    });
  }

  /** A client that does not read its answer must not keep it in memory. */
  #cutUnread(response: ServerResponse): void {
    let written = -1;
    const watch = (): void => {
      const { socket } = response;
      if (response.closed || socket === null) return;
      const isStuck = socket.writableLength > 0 && socket.bytesWritten === written;
      written = socket.bytesWritten;
      if (isStuck) socket.destroy();
      else timer = this.#clock.after(UNREAD_TIMEOUT_MS, watch);
    };
    let timer = this.#clock.after(UNREAD_TIMEOUT_MS, watch);
    response.once("close", () => timer[Symbol.dispose]());
  }

  #refuse(request: IncomingMessage, response: ServerResponse, refusal: RefusedRequest | undefined): void {
    const { status, message } = refusal ?? { status: 503, message: "The bridge does not serve yet." };
    const peer = request.socket.remoteAddress ?? "unknown";
    const { logger } = this.#options.context.options;
    if (this.#refusals.isFirst(peer, message))
      logger.warn({ audit: true, peer, status, cause: message }, "request refused");
    response.writeHead(status, {
      "content-type": "application/json",
      connection: "close",
      ...(status === 401 && { "www-authenticate": "Bearer" }),
      ...(status === 405 && { allow: "POST" }),
    });
    response.end(JSON.stringify({ jsonrpc: "2.0", id: null, error: { code: -32_000, message } }));
  }
}
