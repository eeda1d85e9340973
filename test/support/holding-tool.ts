import type { CallerTrace } from "../../src/tracing/tracing.ts";
import { eventually } from "./eventually.ts";
import type { RawRequest } from "./raw-frame.ts";
import type { TestServerOptions } from "./running-server.ts";
import { TEST_INPUT, testArgs, testService } from "./test-service.ts";

/** A tool whose calls run until the test finishes them. Each call is identified by a number, its argument. */
export class HoldingTool {
  readonly begun: number[] = [];
  /** The trace contexts of the calls, in the order in which they began. */
  readonly traces: CallerTrace[] = [];
  /** The reasons of the calls' aborted signals, by number. */
  readonly aborted = new Map<number, string>();
  readonly options: Pick<TestServerOptions, "tools" | "descriptors">;
  readonly #open = new Map<number, () => void>();

  /** `endsOnAbort`: true to end a call also when its signal aborts. */
  constructor({ endsOnAbort = false }: { readonly endsOnAbort?: boolean } = {}) {
    const { tools, descriptors } = testService({
      Hold: {
        idempotent: true,
        run: ([number = 0], { signal, traceparent, tracestate }) => {
          this.begun.push(number);
          this.traces.push({ traceparent, tracestate });
          return new Promise((resolve) => {
            this.#open.set(number, () => resolve(number));
            signal.addEventListener("abort", () => {
              this.aborted.set(number, signal.reason.reason);
              if (endsOnAbort) resolve(number);
            });
          });
        },
      },
    });
    this.options = { tools: [tools], descriptors: [descriptors] };
  }

  /** A request for a call. */
  request(number: number): RawRequest {
    return { tool: "hold", type: TEST_INPUT, value: testArgs(number) };
  }

  /** Waits until a call has begun and ends it. */
  async finish(number: number): Promise<void> {
    await this.untilBegun(number);
    this.#open.get(number)?.();
  }

  untilBegun(number: number): Promise<unknown> {
    return eventually(`call ${number} begins`, () => this.begun.includes(number));
  }
}
