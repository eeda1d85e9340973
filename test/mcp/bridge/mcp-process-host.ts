import { CliProcess, type StartOptions } from "../../cli/cli-process.ts";
import { RawHost } from "./raw-host.ts";

/** A `sealwire mcp` over stdio as its own process, with a host that reads all of its stdout as JSON-RPC. */
export class McpProcess implements AsyncDisposable {
  readonly host = new RawHost();
  readonly process: CliProcess;
  /** Errors of lines on stdout that are no messages. */
  readonly strangeLines: Error[] = [];

  constructor(args: readonly string[], options: Omit<StartOptions, "stdin">) {
    this.process = new CliProcess(["mcp", ...args], { ...options, stdin: this.host.input });
    this.process.child.stdout.on("data", (text: string) => {
      try {
        this.host.write(Buffer.from(text));
      } catch (error) {
        this.strangeLines.push(error as Error);
      }
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process[Symbol.asyncDispose]();
  }
}
