import { monitorEventLoopDelay } from "node:perf_hooks";
import { SealwireClient } from "../../src/client/client.ts";
import { formatCredentials } from "../../src/signing/key-ring/credentials.ts";
import type { Store } from "../../src/store/store.ts";
import { demoTools } from "../../src/tools/demo-tools.ts";
import type { ToolContext } from "../../src/tools/handler.ts";
import { startServer } from "../../test/support/running-server.ts";
import { TEST_INPUT, testService } from "../../test/support/test-service.ts";
import type { SealwireTarget } from "../variants/sealwire.ts";
import { openTemporaryStore } from "../variants/temporary-store.ts";
import { ARGS } from "../variants/work.ts";
import { answerParent } from "./answering.ts";
import { machineMs } from "./machine-time.ts";
import { usage } from "./usage.ts";
import { eventText, type WatchedEvent } from "./watched-event.ts";

let job: ToolContext | undefined;
let store: Store | undefined;
const blocked = monitorEventLoopDelay({ resolution: 1 });

const questions = {
  /** Starts a server with one job that runs until the end and that all clients watch. */
  async serve(): Promise<SealwireTarget & { readonly jobId: string }> {
    const started = Promise.withResolvers<void>();
    const { tools, descriptors } = testService({
      Follow: {
        job: {},
        run: (_, context) => {
          job = context;
          started.resolve();
          return new Promise(() => {});
        },
      },
    });
    store = await openTemporaryStore();
    const server = await startServer({
      store,
      tools: [demoTools(), tools],
      descriptors: [descriptors],
      // All watches are opened concurrently. Until it is verified, each counts as 8 KiB.
      limits: { streamsPerConnectionMax: 100_000, unverifiedBytesMax: 256 * 1024 * 1024 },
    });
    const credentials = server.credentials();
    await using client = new SealwireClient({ credentials });
    const submitted = await client.call("follow", { typeUrl: `type.googleapis.com/${TEST_INPUT}`, value: ARGS });
    await started.promise;
    return {
      address: server.address,
      credentials: formatCredentials(credentials),
      jobId: submitted.job?.jobId ?? "",
    };
  },
  usage,
  /** The memory of the process after garbage collection. */
  async memory(): Promise<{ readonly rssBytes: number; readonly heapBytes: number }> {
    // Two collections: the second one frees objects that finalizers released.
    for (let turn = 0; turn < 2; turn++) {
      globalThis.gc?.();
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const { rss, heapUsed, external } = process.memoryUsage();
    return { rssBytes: rss, heapBytes: heapUsed + external };
  },
  /** Emits one event for every watcher. Returns the time before it. */
  emit(event: WatchedEvent): number {
    blocked.reset();
    blocked.enable();
    const atMs = machineMs();
    job?.progress(event.number, 0, eventText(event));
    return atMs;
  },
  /** The longest delay of the event loop since the last event, in milliseconds. */
  longestBlockMs(): number {
    blocked.disable();
    return blocked.max / 1e6;
  },
};

/** The questions of the watched process. */
export type WatchServerQuestions = typeof questions;

answerParent(questions, () => store?.[Symbol.asyncDispose]());
