import type { WorkOptions } from "../jobs/engine.ts";
import { checkWorkOptions, GRACE_LIMITS } from "../jobs/work-limits.ts";
import { type Logger, silentLogger } from "../runtime/logger.ts";
import { checkNumber } from "../runtime/number-range.ts";
import type { Store } from "../store/store.ts";
import { Catalogue } from "../tools/catalogue.ts";
import { Dispatcher } from "../tools/dispatcher.ts";
import type { ToolImplementation } from "../tools/implement.ts";
import { ArgsValidator } from "../validation/args.ts";
import { imageWith } from "../wire/descriptors.ts";
import { guardLogger } from "./request/guards.ts";

/** Options of {@link createWorker}. */
export interface WorkerOptions {
  /** The store with the jobs of the servers. Not disposed with the worker. */
  readonly store: Store;
  /** Implemented services; see `implement`. The worker ignores jobs of other tools. */
  readonly tools: readonly ToolImplementation[];
  /** Serialized FileDescriptorSets of the tools' services. Those of the demo tools are built in. */
  readonly descriptors?: readonly Uint8Array[];
  readonly work: WorkOptions;
  readonly logger?: Logger;
}

/** Runs the jobs of a store without serving calls. */
export interface SealwireWorker extends AsyncDisposable {
  /** The names of its job tools, sorted. */
  readonly tools: readonly string[];
  /** Number of running jobs. */
  readonly running: number;
  /**
   * Stops claiming jobs and aborts the signals of running ones. After `graceMs`, 0 to 86,400,000, returns those that
   * still run to the queue. Idempotent.
   */
  drain(graceMs: number): Promise<void>;
}

/**
 * Starts to run the jobs of a store. Throws OPTIONS_INVALID naming the invalid option or tool.
 *
 * @example
 * ```ts
 * await using store = await openPostgresStore({ url: "postgres://sealwire@127.0.0.1/sealwire" });
 * await using worker = await createWorker({ store, tools, descriptors, work: { concurrency: 16 } });
 * process.once("SIGTERM", () => void worker.drain(10_000));
 * ```
 */
export async function createWorker(options: WorkerOptions): Promise<SealwireWorker> {
  const { store, tools, descriptors = [], work } = options;
  const logger = guardLogger(options.logger ?? silentLogger);
  checkWorkOptions(work, "work.");
  const image = imageWith(descriptors);
  const catalogue = new Catalogue(image, undefined, tools);
  const dispatcher = new Dispatcher({
    catalogue,
    store,
    validator: new ArgsValidator(image),
    logger,
  });
  const handlers = dispatcher.jobHandlers();
  const worker = await store.jobs.work(handlers, work);
  return {
    tools: [...handlers.keys()].sort(),
    get running() {
      return worker.running;
    },
    drain: async (graceMs) => worker.stop(checkNumber("graceMs", graceMs, GRACE_LIMITS)),
    [Symbol.asyncDispose]: () => worker[Symbol.asyncDispose](),
  };
}
