import type {
  CallToolResult,
  Client,
  JsonSchemaValidatorResult,
  jsonSchemaValidator,
  StreamableHTTPClientTransport,
  Tool,
} from "@modelcontextprotocol/client";
import { type Clock, LONGEST_DELAY_MS } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import { VERSION } from "../../runtime/version.ts";
import { boundedFetch, LOST_MESSAGE } from "./bounded-fetch.ts";
import { GroupedChild } from "./child-process.ts";
import { ChildTransport } from "./child-transport.ts";
import { type ResolvedMcpServer, secretsOf } from "./options.ts";
import type { ClientPackage } from "./packages.ts";
import { redacting } from "./secrets.ts";
import { logStderr } from "./stderr-lines.ts";
import { callAsTask } from "./task-call.ts";
import type { ToolCall } from "./tool-call.ts";

/** What connections need. */
export interface ConnectionContext {
  readonly sdk: ClientPackage;
  readonly server: ResolvedMcpServer;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called when the server says that its tools have changed. */
  readonly onListChanged: (connection: Connection) => void;
  /** Stops the opening of a connection. */
  readonly signal: AbortSignal;
}

/** How a server is spoken to: newer servers by discovery, older ones by `initialize`. */
export type ConnectionEra = "auto" | "legacy";

/** Time in milliseconds after which a server that does not answer discovery counts as an older one. */
const DISCOVERY_MS = 3_000;
/** Maximum number of pages of a tool list. */
const MOST_PAGES = 20;

/** Accepts every value: results are checked where they are converted, and no schema of a server is run unbounded. */
const NO_VALIDATION: jsonSchemaValidator = {
  getValidator<T>() {
    return (input: unknown): JsonSchemaValidatorResult<T> => ({
      valid: true,
      data: input as T,
      errorMessage: undefined,
    });
  },
};

/** An open connection to an MCP server: a child, or an HTTP endpoint. */
export class Connection {
  /** Resolves when the connection has ended. */
  readonly closed: Promise<void>;
  /** The process id of the child; `undefined` over HTTP. */
  readonly pid: number | undefined;
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #child: GroupedChild | undefined;
  readonly #end: () => void;
  #isOpen = true;

  private constructor(client: Client, clock: Clock, child: GroupedChild | undefined) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    this.pid = child?.child.pid;
    this.#client = client;
    this.#clock = clock;
    this.#child = child;
    this.#end = () => {
      this.#isOpen = false;
      resolve();
    };
    client.onclose = this.#end;
  }

  /** Starts the child, or connects, and agrees on a protocol version. Rejects if the server does not answer in time. */
  static async open(context: ConnectionContext, era: ConnectionEra): Promise<Connection> {
    const { sdk, server, clock, logger, signal } = context;
    let connection: Connection | undefined;
    const client = new sdk.Client(
      { name: "sealwire", version: VERSION },
      {
        versionNegotiation: { mode: era, probe: { timeoutMs: DISCOVERY_MS } },
        jsonSchemaValidator: NO_VALIDATION,
        listMaxPages: MOST_PAGES,
        listChanged: {
          tools: {
            autoRefresh: false,
            debounceMs: 50,
            onChanged: () => {
              if (connection !== undefined) context.onListChanged(connection);
            },
          },
        },
      },
    );
    client.onerror = ({ message }) => {
      if (message.includes(LOST_MESSAGE)) return;
      logger.debug({ err: { message } }, "an MCP server sent what cannot be read");
    };
    const { endpoint } = server;
    let child: GroupedChild | undefined;
    if (endpoint.kind === "child") {
      child = await GroupedChild.start(endpoint, clock);
      logStderr(child.child.stderr, { logger, clock, redact: redacting(secretsOf(endpoint)) });
    }
    connection = new Connection(client, clock, child);
    try {
      const transport = child
        ? new ChildTransport(child, clock, sdk.deserializeMessage)
        : httpTransport(sdk, server, clock);
      await client.connect(transport, { timeout: server.startTimeoutMs, signal });
      return connection;
    } catch (thrown) {
      await connection.close();
      throw thrown;
    }
  }

  /** False after the connection has ended. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** How the child ended; `undefined` while it runs, and over HTTP. */
  get exit(): { readonly code: number | null; readonly signal: string | null } | undefined {
    const child = this.#child?.child;
    if (child === undefined || (child.exitCode === null && child.signalCode === null)) return undefined;
    return { code: child.exitCode, signal: child.signalCode };
  }

  /** The era that was agreed on. */
  get era(): ConnectionEra {
    return this.#client.getProtocolEra() === "legacy" ? "legacy" : "auto";
  }

  /** All tools of the server. */
  async list(timeoutMs: number): Promise<readonly Tool[]> {
    const { tools } = await this.#client.listTools(undefined, {
      timeout: timeoutMs,
      maxTotalTimeout: timeoutMs,
      cacheMode: "refresh",
    });
    return tools;
  }

  /** Calls a tool, as a task if `asTask`. Rejects with an error of the SDK. */
  async call(call: ToolCall, asTask: boolean): Promise<CallToolResult> {
    const { name, args, meta, signal, timeoutMs, onProgress } = call;
    const timeout = Math.max(1, Math.min(timeoutMs, LONGEST_DELAY_MS));
    const options = { signal, timeout, onprogress: onProgress };
    if (asTask) return await callAsTask(call, { client: this.#client, clock: this.#clock, options });
    return await this.#client.callTool({ name, arguments: { ...args }, _meta: { ...meta } }, options);
  }

  /** Ends the connection and the child's tree. Idempotent. */
  async close(): Promise<void> {
    this.#end();
    await this.#client.close().catch(() => {});
    await this.#child?.end();
  }
}

function httpTransport(
  sdk: ClientPackage,
  { endpoint }: ResolvedMcpServer,
  clock: Clock,
): StreamableHTTPClientTransport {
  if (endpoint.kind !== "http") throw new TypeError("not an HTTP endpoint");
  const { url, token } = endpoint;
  return new sdk.StreamableHTTPClientTransport(url, {
    fetch: boundedFetch(clock),
    ...(token !== undefined && { authProvider: { token: async () => token } }),
  });
}
