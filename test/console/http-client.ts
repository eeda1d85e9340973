import { type ClientRequest, type IncomingMessage, request } from "node:http";
import { request as requestTls } from "node:https";
import { eventually } from "../support/eventually.ts";

/** One request, as a program or a browser may send it. */
export interface HttpRequest {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** What came back. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
  json<T>(): T;
}

/** Sends a request with exactly these headers, beside Host. */
export async function send(url: string, { method = "GET", headers = {}, body }: HttpRequest = {}): Promise<HttpAnswer> {
  const response = await open(url, { method, headers, ...(body !== undefined && { body }) });
  let text = "";
  for await (const chunk of response.setEncoding("utf8")) text += chunk;
  return { status: response.statusCode ?? 0, headers: response.headers, text, json: <T>() => JSON.parse(text) as T };
}

/** Sends a request, and resolves when its answer begins. */
export function open(url: string, { method = "GET", headers = {}, body }: HttpRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
    const options = { method, headers: { ...length, ...headers }, agent: false };
    // The certificates of tests are their own.
    const sent: ClientRequest = url.startsWith("https:")
      ? requestTls(url, { ...options, rejectUnauthorized: false }, resolve)
      : request(url, options, resolve);
    sent.on("error", reject);
    sent.end(body);
  });
}

/** Headers of a request with a JSON body. */
export const JSON_BODY: Readonly<Record<string, string>> = { "content-type": "application/json" };

/** The header of a request with a token. */
export function bearer(token: string): Record<string, string> {
  return { authorization: `Bearer ${token}` };
}

/** Signs in. */
export function signIn(origin: string, token: string): Promise<HttpAnswer> {
  return send(`${origin}/api/session`, { method: "POST", headers: JSON_BODY, body: JSON.stringify({ token }) });
}

/** Reads the events of a live view, one at a time. */
export class EventReader implements AsyncDisposable {
  readonly #response: IncomingMessage;
  readonly #lines: AsyncIterator<string>;

  private constructor(response: IncomingMessage) {
    this.#response = response.setEncoding("utf8");
    this.#lines = events(response);
  }

  static async open(origin: string, of: string, token: string): Promise<EventReader> {
    const response = await open(`${origin}/api/stream?of=${encodeURIComponent(of)}`, { headers: bearer(token) });
    if (response.statusCode !== 200) throw new Error(`the stream has status ${response.statusCode}`);
    return new EventReader(response);
  }

  /** The next event; `undefined` when the stream has ended. */
  async next(): Promise<unknown> {
    const { done, value } = await this.#lines.next();
    return done ? undefined : JSON.parse(value);
  }

  /** Reads on until the stream has ended. Throws if it goes on for 20 s. */
  async end(): Promise<void> {
    let isOver = false;
    const readOn = async (): Promise<void> => {
      while ((await this.next()) !== undefined);
      isOver = true;
    };
    void readOn();
    await eventually("the stream ends", () => isOver);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#response.destroy();
  }
}

async function* events(response: IncomingMessage): AsyncGenerator<string> {
  let rest = "";
  try {
    for await (const chunk of response) {
      const parts = `${rest}${chunk}`.split("\n\n");
      rest = parts.pop() ?? "";
      for (const part of parts) if (part.startsWith("data: ")) yield part.slice("data: ".length);
    }
  } catch {
    // The connection was cut, which ends the stream, too.
  }
}
