import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { runCallers } from "./callers.ts";
import type { Interval, Load, Sample } from "./load.ts";

/** Options of {@link Http1Load}. */
export interface Http1LoadOptions {
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Makes one JSON body. Called for each call before the interval begins. */
  readonly makeBody: () => string;
  /** Text that every correct answer contains. */
  readonly expected: string;
}

/** POST requests on plain keep-alive sockets, one for each caller, because HTTP/1.1 allows one call at a time. */
export class Http1Load implements Load {
  readonly #options: Http1LoadOptions;
  readonly #head: string;
  #idle: Socket[] = [];
  #requests: string[] = [];

  constructor(options: Http1LoadOptions) {
    this.#options = options;
    const lines = Object.entries(options.headers).map(([name, value]) => `${name}: ${value}\r\n`);
    this.#head = `POST ${options.path} HTTP/1.1\r\nhost: 127.0.0.1:${options.port}\r\ncontent-type: application/json\r\n${lines.join("")}`;
  }

  prepare(count: number): void {
    this.#requests = Array.from({ length: count }, () => {
      const body = this.#options.makeBody();
      return `${this.#head}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
    });
  }

  /** Reconnects for each interval, because servers close idle connections. */
  async run(interval: Interval): Promise<Sample> {
    this.#idle = await Promise.all(Array.from({ length: interval.callers }, () => this.#open()));
    const sample = await runCallers({
      ...interval,
      next: () => this.#requests.pop(),
      send: (request) => this.#call(request),
    });
    for (const socket of this.#idle) socket.destroy();
    return sample;
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  async #open(): Promise<Socket> {
    const socket = connect({ port: this.#options.port, host: "127.0.0.1", noDelay: true }).setEncoding("latin1");
    await once(socket, "connect");
    return socket;
  }

  #call(request: string): Promise<void> {
    const socket = this.#idle.pop();
    if (socket === undefined) throw new Error("there are more callers than connections");
    return new Promise((resolve, reject) => {
      let answer = "";
      const end = (error?: Error): void => {
        socket.removeAllListeners();
        this.#idle.push(socket);
        if (error === undefined) resolve();
        else reject(error);
      };
      socket.on("data", (text: string) => {
        answer += text;
        if (!isWhole(answer)) return;
        const right = answer.startsWith("HTTP/1.1 200 ") && answer.includes(this.#options.expected);
        end(right ? undefined : new Error(`${this.#options.path} answered ${answer}`));
      });
      socket.on("error", end);
      socket.on("close", () => end(new Error(`${this.#options.path}: the server closed the connection`)));
      socket.write(request);
    });
  }
}

/** True if an answer is complete: by its content-length, or by its last chunk. */
function isWhole(answer: string): boolean {
  const head = answer.indexOf("\r\n\r\n");
  if (head < 0) return false;
  const length = /\r\ncontent-length: (\d+)\r\n/i.exec(answer.slice(0, head + 2))?.[1];
  return length === undefined ? answer.endsWith("\r\n0\r\n\r\n") : answer.length >= head + 4 + Number(length);
}
