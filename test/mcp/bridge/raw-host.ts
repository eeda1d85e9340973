import { once } from "node:events";
import { PassThrough } from "node:stream";

/** An error of JSON-RPC that a host got. */
export class RpcError extends Error {
  readonly code: number;
  readonly data: unknown;

  constructor({ code, message, data }: { readonly code: number; readonly message: string; readonly data?: unknown }) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

/** A message of JSON-RPC. */
export interface Message {
  readonly id?: number | string | null;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  // biome-ignore lint/suspicious/noExplicitAny: a test reads what it expects
  readonly result?: any;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown };
}

/** The client's envelope of protocol 2026-07-28. */
export const MODERN_META = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientInfo": { name: "host", version: "1" },
  "io.modelcontextprotocol/clientCapabilities": {},
};

/** The envelope of a client that takes tasks. */
export const TASKS_META = {
  ...MODERN_META,
  "io.modelcontextprotocol/clientCapabilities": { extensions: { "io.modelcontextprotocol/tasks": {} } },
};

/** An MCP host that writes and reads messages as they are: one line each. */
export class RawHost {
  /** What the bridge reads. */
  readonly input = new PassThrough();
  /** All messages that came. */
  readonly received: Message[] = [];
  readonly #answers = new Map<number, PromiseWithResolvers<Message>>();
  #lastId = 0;
  #rest = "";

  /** The id of the newest request. */
  get lastId(): number {
    return this.#lastId;
  }

  /** Takes bytes that the bridge writes. Throws if a line is no message of JSON-RPC. */
  write(bytes: Uint8Array): void {
    const lines = (this.#rest + Buffer.from(bytes).toString("utf8")).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#take(JSON.parse(line));
  }

  /** Sends text unchanged. */
  sendText(text: string): void {
    this.input.write(text);
  }

  /** Sends a request, and resolves to its result. Rejects with an {@link RpcError}. */
  // biome-ignore lint/suspicious/noExplicitAny: a test reads what it expects
  async request(method: string, params: object = {}): Promise<any> {
    const { answer } = this.begin(method, params);
    const { result, error } = await answer;
    if (error !== undefined) throw new RpcError(error);
    return result;
  }

  /** Sends a request without waiting for its answer. */
  begin(method: string, params: object = {}): { readonly id: number; readonly answer: Promise<Message> } {
    this.#lastId += 1;
    const id = this.#lastId;
    const answer = Promise.withResolvers<Message>();
    this.#answers.set(id, answer);
    this.sendText(`${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`);
    return { id, answer: answer.promise };
  }

  notify(method: string, params: object = {}): void {
    this.sendText(`${JSON.stringify({ jsonrpc: "2.0", method, params })}\n`);
  }

  /** The handshake of the revisions before 2026-07-28. Resolves to the revision that the server chose. */
  async initialize(protocolVersion = "2025-11-25"): Promise<string> {
    const clientInfo = { name: "host", version: "1" };
    const result = await this.request("initialize", { protocolVersion, capabilities: {}, clientInfo });
    this.notify("notifications/initialized");
    return result.protocolVersion;
  }

  /** Calls a tool. */
  call(name: string, args: object = {}, more: object = {}) {
    return this.request("tools/call", { name, arguments: args, ...more });
  }

  /** The notifications with this method. */
  notified(method: string): Message[] {
    return this.received.filter((message) => message.method === method);
  }

  async end(): Promise<void> {
    this.input.end();
    await once(this.input, "close").catch(() => {});
  }

  #take(message: Message & { readonly jsonrpc?: unknown }): void {
    if (message.jsonrpc !== "2.0") throw new Error(`not a message of JSON-RPC: ${JSON.stringify(message)}`);
    this.received.push(message);
    if (message.method === undefined && typeof message.id === "number") this.#answers.get(message.id)?.resolve(message);
  }
}

/** The text of a result's blocks. */
export function textOf({ content }: { readonly content: readonly { readonly text?: string }[] }): string {
  return content.map(({ text = "" }) => text).join("\n");
}
