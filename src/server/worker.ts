import { SealwireError } from "../errors.ts";
import { IDENTIFIER } from "../files/json-fields.ts";
import type { Worker, WorkOptions } from "../jobs/engine.ts";
import { checkWorkOptions, GRACE_LIMITS } from "../jobs/work-limits.ts";
import type { JobObserver } from "../jobs/worker/job-observer.ts";
import { systemClock } from "../runtime/clock.ts";
import { type Logger, silentLogger } from "../runtime/logger.ts";
import { checkNumber } from "../runtime/number-range.ts";
import type { KeyRingSource } from "../signing/key-ring/types.ts";
import type { Store } from "../store/store.ts";
import type { ToolImplementation } from "../tools/implement.ts";
import type { ToolSource } from "../tools/tool-source.ts";
import { Tracing, type TracingOptions } from "../tracing/tracing.ts";
import type { UpstreamOptions } from "../upstream/options.ts";
import type { UpstreamObserver } from "../upstream/upstream.ts";
import type { AuditOptions } from "./audit/options.ts";
import { openWorkerAudit } from "./audit/worker-audit.ts";
import { LiveTools } from "./live-tools.ts";
import type { CallObserver } from "./request/access-log.ts";
import { guardLogger, guardWorkObserver } from "./request/guards.ts";

/** Options of {@link createWorker}. */
export interface WorkerOptions {
  /** The store with the jobs of the servers. Not disposed with the worker. */
  readonly store: Store;
  /** Implemented services; see `implement`. The worker ignores jobs of other tools. */
  readonly tools: readonly ToolImplementation[];
  /** Serialized FileDescriptorSets of the tools' services. Those of the demo tools are built in. */
  readonly descriptors?: readonly Uint8Array[];
  /** gRPC servers in any language whose job tools are run, too. Default none. */
  readonly upstreams?: readonly UpstreamOptions[];
  /** Sources whose job tools are run, too, as at the servers. Not disposed with the worker. Default none. */
  readonly sources?: readonly ToolSource[];
  /**
   * The id of the servers, as in their key ring. Required with `upstreams`, which are told it, unless there is `keyRing`.
   */
  readonly serverId?: string;
  /**
   * Keeps an audit log of the jobs that this worker runs and ends; needs `keyRing`. While a required log cannot be
   * written, no job is claimed. Default none.
   */
  readonly audit?: AuditOptions;
  /** The key ring of the servers, whose server secret seals the audit log. Not disposed with the worker. */
  readonly keyRing?: KeyRingSource;
  readonly work: WorkOptions;
  /** Observe the upstreams, the jobs and the audit log; see `createMetrics`. */
  readonly observers?: readonly (UpstreamObserver & JobObserver & Pick<CallObserver, "auditChanged">)[];
  /**
   * How the worker takes part in traces, as at the servers; `false`: not at all. Default: as {@link TracingOptions} says.
   */
  readonly tracing?: TracingOptions | false;
  readonly logger?: Logger;
}

/** Runs the jobs of a store without serving calls. */
export interface SealwireWorker extends AsyncDisposable {
  /** The names of its job tools, sorted. */
  readonly tools: readonly string[];
  /** Number of running jobs. */
  readonly running: number;
  /**
   * Reads the contracts, keys and certificates of the upstreams again, and opens the file of the audit log again if it was
   * moved; see `SealwireServer`.
   */
  reload(): Promise<void>;
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
  const { store, tools, descriptors = [], upstreams = [], sources = [], work } = options;
  const logger = guardLogger(options.logger ?? silentLogger);
  checkWorkOptions(work, "work.");
  const serverId = serverIdOf(options);
  const observers = (options.observers ?? []).map((observer) => guardWorkObserver(observer, logger));
  const audit = await openWorkerAudit(options, { observers, logger, clock: systemClock });
  const live = await LiveTools.open({
    ...{ store, tools, descriptors, upstreams, sources, logger },
    serverId: () => serverId,
    observers,
    audit: audit?.log,
    tracing: options.tracing === false ? undefined : new Tracing(systemClock, options.tracing),
    clock: systemClock,
  }).catch(async (thrown: unknown) => {
    await audit?.[Symbol.asyncDispose]();
    throw thrown;
  });
  const endWith = async (worker: Worker | undefined, graceMs: number): Promise<void> => {
    await worker?.stop(graceMs);
    await live[Symbol.asyncDispose]();
    await audit?.[Symbol.asyncDispose]();
  };
  const start = async (): Promise<Worker> => {
    await store.announce({ role: "worker", address: "" });
    return await live.work(work);
  };
  const worker = await start().catch(async (thrown: unknown) => {
    await endWith(undefined, 0);
    throw thrown;
  });
  const end = (graceMs: number): Promise<void> => endWith(worker, graceMs);
  return {
    get tools() {
      return live.jobTools();
    },
    get running() {
      return worker.running;
    },
    reload: () => Promise.all([live.reload(), audit?.log.reopen()]).then(() => {}),
    drain: async (graceMs) => end(checkNumber("graceMs", graceMs, GRACE_LIMITS)),
    [Symbol.asyncDispose]: () => end(0),
  };
}

/** The id that upstreams are told, "" if there is none to tell. Throws OPTIONS_INVALID. */
function serverIdOf({ upstreams = [], serverId: given, keyRing }: WorkerOptions): string {
  const known = keyRing?.current().serverId;
  if (given !== undefined && known !== undefined && given !== known) {
    throw new SealwireError("OPTIONS_INVALID", `serverId is "${given}", but the key ring belongs to "${known}".`);
  }
  const serverId = known ?? given ?? "";
  if (upstreams.length === 0 || IDENTIFIER.pattern.test(serverId)) return serverId;
  const rule = `must be ${IDENTIFIER.expected}, because upstreams are told it`;
  throw new SealwireError("OPTIONS_INVALID", `serverId ${rule}.`);
}
