import { setImmediate as nextTurn } from "node:timers/promises";
import type { JobHandlers, Worker, WorkOptions } from "../jobs/engine.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Logger } from "../runtime/logger.ts";
import { runPeriodically } from "../runtime/periodic.ts";
import type { Store } from "../store/store.ts";
import { Catalogue } from "../tools/catalogue.ts";
import { Dispatcher } from "../tools/dispatcher.ts";
import type { ToolImplementation } from "../tools/implement.ts";
import { implementedTools } from "../tools/implemented-tools.ts";
import type { OverdueHandlers } from "../tools/overdue-handlers.ts";
import type { Tool } from "../tools/tool.ts";
import { type Toolset, warmUp } from "../tools/toolset.ts";
import { imageOf, type UpstreamContract } from "../upstream/contract.ts";
import type { UpstreamOptions } from "../upstream/options.ts";
import type { UpstreamObserver } from "../upstream/upstream.ts";
import { Upstreams } from "../upstream/upstreams.ts";
import { ArgsValidator } from "../validation/args.ts";

/** What a process offers: the tools that it implements, and those of its upstreams. */
export interface OfferedTools {
  readonly tools: readonly ToolImplementation[];
  /** Serialized FileDescriptorSets of `tools`. */
  readonly descriptors: readonly Uint8Array[];
  readonly upstreams: readonly UpstreamOptions[];
}

/** Options of {@link LiveTools.open}. */
export interface LiveToolsOptions extends OfferedTools {
  readonly store: Store;
  /** Implements the system tools; a worker has none. */
  readonly system?: ToolImplementation;
  readonly overdue?: OverdueHandlers;
  readonly serverId: () => string;
  readonly observers: readonly UpstreamObserver[];
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Interval at which the files of upstreams are looked at, in milliseconds. */
const LOOK_MS = 2_000;

/** The tools of a process. The contracts of upstreams may be replaced while it runs. */
export class LiveTools implements AsyncDisposable {
  readonly dispatcher: Dispatcher;
  readonly upstreams: Upstreams;
  readonly #options: LiveToolsOptions;
  readonly #looks: AsyncDisposable | undefined;
  #contracts: readonly UpstreamContract[];
  #reload: Promise<void> = Promise.resolve();
  /** A reload that begins after the current one. */
  #nextReload: Promise<void> | undefined;

  private constructor(
    options: LiveToolsOptions,
    upstreams: Upstreams,
    contracts: readonly UpstreamContract[],
    toolset: Toolset,
  ) {
    const { store, overdue, clock, logger } = options;
    this.#options = options;
    this.upstreams = upstreams;
    this.#contracts = contracts;
    this.dispatcher = new Dispatcher({ toolset, store, logger, ...(overdue && { overdue }) });
    this.#looks = upstreams.isEmpty ? undefined : runPeriodically(clock, LOOK_MS, () => this.#look());
  }

  /**
   * Prepares everything that depends on a tool, so that its first call is not slower. Does not wait for an upstream.
   * Throws OPTIONS_INVALID naming the invalid option or tool.
   */
  static async open(options: LiveToolsOptions): Promise<LiveTools> {
    const upstreams = await Upstreams.open(options);
    try {
      const contracts = await upstreams.readContracts();
      const toolset = await makeToolset(options, upstreams, contracts);
      for (const _ of warmUp(toolset));
      upstreams.use(contracts, toolset.image);
      return new LiveTools(options, upstreams, contracts, toolset);
    } catch (thrown) {
      upstreams[Symbol.dispose]();
      throw thrown;
    }
  }

  /** The tools in force. */
  get toolset(): Toolset {
    return this.dispatcher.toolset;
  }

  /** Starts a worker for the job tools. Ends everything if that fails. */
  async work(options: WorkOptions): Promise<Worker> {
    try {
      return await this.#options.store.jobs.work(this.#jobHandlers(), options);
    } catch (thrown) {
      await this[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  /** The handlers of the job tools that can run at this time. */
  #jobHandlers(): JobHandlers {
    return {
      get: (name) => this.dispatcher.jobHandler(name),
      has: (name) => {
        const tool = this.toolset.catalogue.jobTool(name);
        return tool !== undefined && canRun(tool);
      },
      room: () => this.upstreams.room,
      onMore: (listener) => this.onChange(listener),
    };
  }

  /** The names of the job tools, sorted. */
  jobTools(): readonly string[] {
    const jobs = [...this.toolset.catalogue.tools()].filter(({ policy }) => policy !== undefined);
    return jobs.map(({ name }) => name).sort();
  }

  /** Whether each service with tools can be called, by its full name. */
  services(): ReadonlyMap<string, boolean> {
    const own = this.#options.tools.map(({ definition }): [string, boolean] => [definition.fullName, true]);
    return new Map([...own, ...this.upstreams.services()]);
  }

  /** Calls `listener` after a reload, and when an upstream has changed. */
  onChange(listener: () => void): Disposable {
    return this.upstreams.onChange(listener);
  }

  /**
   * Reads the contracts, keys and certificates of the upstreams again. Calls in flight are not affected. Never rejects:
   * what cannot be used is logged, and everything stays as it was.
   */
  reload(): Promise<void> {
    // One that runs may have read the files before their last change.
    this.#nextReload ??= this.#reload.then(() => {
      this.#nextReload = undefined;
      this.#reload = this.#reloadNow();
      return this.#reload;
    });
    return this.#nextReload;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#looks?.[Symbol.asyncDispose]();
    await (this.#nextReload ?? this.#reload);
    this.upstreams[Symbol.dispose]();
  }

  async #look(): Promise<void> {
    if (await this.upstreams.haveFilesChanged()) await this.reload();
  }

  async #reloadNow(): Promise<void> {
    try {
      await this.#readAgain();
    } catch (err) {
      const { logger } = this.#options;
      logger.error({ err }, "the files of the upstreams cannot be used; the previous ones stay in force");
    }
  }

  async #readAgain(): Promise<void> {
    if (this.upstreams.isEmpty) return;
    const contracts = await this.upstreams.readContracts();
    const isSame = areSame(contracts, this.#contracts);
    const toolset = isSame ? this.toolset : await makeToolset(this.#options, this.upstreams, contracts);
    // Compiling the rules of many tools at once would delay the calls.
    if (!isSame) for (const _ of warmUp(toolset)) await nextTurn();
    await this.upstreams.renew();
    if (isSame) return;
    this.dispatcher.use(toolset);
    this.#contracts = contracts;
    // Tells the listeners, too, which then find the new tools.
    this.upstreams.use(contracts, toolset.image);
    this.#options.logger.info(
      { tools: [...toolset.catalogue.tools()].length },
      "the contracts of the upstreams were reloaded",
    );
  }
}

/** Checks that tools can be served. Connects to nothing. Throws OPTIONS_INVALID naming the invalid option or tool. */
export async function checkOffered(
  offered: OfferedTools,
  context: Pick<LiveToolsOptions, "clock" | "logger">,
): Promise<void> {
  using upstreams = await Upstreams.open({ ...offered, ...context, serverId: () => "", observers: [] });
  await makeToolset(offered, upstreams, await upstreams.readContracts());
}

/** Makes the tools in several turns of the event loop, because a reload must not delay the calls. */
async function makeToolset(
  { tools, descriptors, system }: OfferedTools & Pick<LiveToolsOptions, "system">,
  upstreams: Upstreams,
  contracts: readonly UpstreamContract[],
): Promise<Toolset> {
  const image = imageOf(descriptors, contracts);
  const validator = new ArgsValidator(image);
  await nextTurn();
  const systemTools = system === undefined ? [] : implementedTools(image, system);
  const all = tools.flatMap((implementation) => implementedTools(image, implementation));
  for (const contract of contracts) {
    await nextTurn();
    all.push(...upstreams.toolsOf(contract, image, validator));
  }
  const catalogue = new Catalogue(image, systemTools, all);
  return { image, catalogue, validator };
}

function canRun({ host, description: { method } }: Tool): boolean {
  return host === undefined || (host.room > 0 && host.serves(method));
}

function areSame(one: readonly UpstreamContract[], two: readonly UpstreamContract[]): boolean {
  return one.every(
    ({ descriptors }, index) => Buffer.compare(descriptors, two[index]?.descriptors ?? Buffer.of()) === 0,
  );
}
