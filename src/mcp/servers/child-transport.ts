import type { JSONRPCMessage, Transport } from "@modelcontextprotocol/client";
import type { Clock } from "../../runtime/clock.ts";
import type { GroupedChild } from "./child-process.ts";
import type { ClientPackage } from "./packages.ts";

/** Largest message of a server, in bytes. Larger than any result that is passed on. */
export const MESSAGE_MOST = 16 * 1024 * 1024;
/** A child that leaves more than this unread, in bytes, is ended. Several times the arguments of a call. */
const UNREAD_MOST = 16 * 1024 * 1024;
/** Time in milliseconds for the last output of a child that has exited, while a process of its tree holds the pipe. */
const LAST_OUTPUT_MS = 200;

/** Speaks MCP with a child: JSON in lines over its stdin and stdout. The SDK's own transport gives it no process group. */
export class ChildTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: NonNullable<Transport["onmessage"]>;
  readonly #child: GroupedChild;
  readonly #clock: Clock;
  readonly #parse: ClientPackage["deserializeMessage"];
  readonly #chunks: Buffer[] = [];
  #buffered = 0;
  #closed = false;

  constructor(child: GroupedChild, clock: Clock, parse: ClientPackage["deserializeMessage"]) {
    this.#child = child;
    this.#clock = clock;
    this.#parse = parse;
  }

  async start(): Promise<void> {
    const { stdout } = this.#child.child;
    stdout.on("data", (chunk: Buffer) => this.#read(chunk));
    stdout.on("error", (error) => this.onerror?.(error));
    // What the child has written before its end is read first.
    stdout.once("close", () => this.#finish());
    stdout.once("end", () => this.#finish());
    void this.#child.exited.then(() => this.#clock.after(LAST_OUTPUT_MS, () => this.#finish()));
  }

  send(message: JSONRPCMessage): Promise<void> {
    const { stdin } = this.#child.child;
    if (stdin.writableLength > UNREAD_MOST) {
      const error = new Error(`the program has not read the last ${UNREAD_MOST} bytes`);
      this.onerror?.(error);
      void this.close();
      return Promise.reject(error);
    }
    return new Promise((resolve, reject) => {
      stdin.write(`${JSON.stringify(message)}\n`, (error) => (error ? reject(error) : resolve()));
    });
  }

  async close(): Promise<void> {
    this.#finish();
    await this.#child.end();
  }

  #read(chunk: Buffer): void {
    let rest = chunk;
    for (let end = rest.indexOf("\n"); end >= 0; end = rest.indexOf("\n")) {
      this.#chunks.push(rest.subarray(0, end));
      const line = Buffer.concat(this.#chunks.splice(0)).toString();
      this.#buffered = 0;
      rest = rest.subarray(end + 1);
      this.#take(line);
    }
    if (rest.length === 0) return;
    this.#chunks.push(rest);
    this.#buffered += rest.length;
    if (this.#buffered <= MESSAGE_MOST) return;
    this.onerror?.(new Error(`a message of more than ${MESSAGE_MOST} bytes`));
    void this.close();
  }

  #take(line: string): void {
    if (this.#closed || line.trim() === "") return;
    try {
      this.onmessage?.(this.#parse(line));
    } catch (error) {
      // Some programs print other text to stdout.
      this.onerror?.(error as Error);
    }
  }

  #finish(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#chunks.length = 0;
    this.onclose?.();
  }
}
