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

/** What a worker is made of. */
export interface WorkerOptions {
  /** The store that servers put the jobs into. Not disposed with the worker. */
  readonly store: Store;
  /** Implemented services; see `implement`. Jobs of other tools are left to other workers. */
  readonly tools: readonly ToolImplementation[];
  /** Serialized FileDescriptorSets that hold the tools' services. The demo's are built in. */
  readonly descriptors?: readonly Uint8Array[];
  readonly work: WorkOptions;
  readonly logger?: Logger;
}

/** Runs the jobs of a store without taking calls. */
export interface SealwireWorker extends AsyncDisposable {
  /** The job tools it runs, sorted. */
  readonly tools: readonly string[];
  /** How many jobs run now. */
  readonly running: number;
  /** Claims nothing more, aborts the jobs' signals, and after `graceMs`, 0 to 86,400,000, hands back what still runs. Idempotent. */
  drain(graceMs: number): Promise<void>;
}

/**
 * Starts to work the jobs of a store. Throws OPTIONS_INVALID naming the option or the tool at fault.
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
