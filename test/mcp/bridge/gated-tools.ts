import type { ToolContext } from "../../../src/tools/handler.ts";
import { eventually } from "../../support/eventually.ts";
import type { TestServerOptions } from "../../support/running-server.ts";
import { testService } from "../../support/test-service.ts";

/** A job tool, `work`, and a tool with side effects, `write`, whose runs end when the test says so. */
export class GatedTools {
  /** The runs so far, of both tools. */
  readonly runs: string[] = [];
  /** The runs that were cancelled. */
  readonly cancelled: string[] = [];
  readonly options: Pick<TestServerOptions, "tools" | "descriptors">;
  readonly #gate = Promise.withResolvers<void>();

  constructor() {
    const { tools, descriptors } = testService({
      Work: { job: { maxAttempts: 1 }, run: (numbers, context) => this.#run(`work ${numbers.join()}`, context) },
      Write: { run: (numbers, context) => this.#run(`write ${numbers.join()}`, context) },
    });
    this.options = { tools: [tools], descriptors: [descriptors] };
  }

  /** Ends all runs, now and later. */
  open(): void {
    this.#gate.resolve();
  }

  untilRuns(count: number): Promise<unknown> {
    return eventually(`${count} runs`, () => this.runs.length >= count);
  }

  async #run(name: string, { signal }: ToolContext): Promise<number> {
    this.runs.push(name);
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener("abort", () => {
        this.cancelled.push(name);
        reject(signal.reason);
      });
    });
    await Promise.race([this.#gate.promise, aborted]);
    return 42;
  }
}
