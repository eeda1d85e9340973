/* The file is long because the tools in force and what replaces them share one state. */

import { setImmediate as nextTurn } from "node:timers/promises";
import type { AuditTrail } from "../audit/event.ts";
import type { JobHandlers, Worker, WorkOptions } from "../jobs/engine.ts";
import type { JobObserver } from "../jobs/worker/job-observer.ts";
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
import { type SourceContract, sourcedTools, type ToolSource } from "../tools/tool-source.ts";
import { type Toolset, warmUp } from "../tools/toolset.ts";
import type { Tracing } from "../tracing/tracing.ts";
import { imageOf, type UpstreamContract } from "../upstream/contract.ts";
import type { UpstreamOptions } from "../upstream/options.ts";
import type { UpstreamObserver } from "../upstream/upstream.ts";
import { Upstreams } from "../upstream/upstreams.ts";
import { ArgsValidator } from "../validation/args.ts";
import { jobObserverOf } from "./request/job-observers.ts";

/** What a process offers: the tools that it implements, and those of its upstreams. */
export interface OfferedTools {
  readonly tools: readonly ToolImplementation[];
  /** Serialized FileDescriptorSets of `tools`. */
  readonly descriptors: readonly Uint8Array[];
  readonly upstreams: readonly UpstreamOptions[];
  /** Run their tools themselves. Not disposed. */
  readonly sources: readonly ToolSource[];
}

/** Options of {@link LiveTools.open}. */
export interface LiveToolsOptions extends OfferedTools {
  readonly store: Store;
  /** Implements the system tools; a worker has none. */
  readonly system?: ToolImplementation;
  /** Implements the operator's tools; a worker has none. */
  readonly operator?: ToolImplementation;
  readonly overdue?: OverdueHandlers;
  readonly serverId: () => string;
  readonly observers: readonly (UpstreamObserver & JobObserver)[];
  readonly audit?: AuditTrail | undefined;
  /** Starts the spans of attempts; `undefined`: none are made. */
  readonly tracing?: Tracing | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What the tools in force were made from. */
interface Offer {
  readonly contracts: readonly UpstreamContract[];
  /** Those of the sources, in their order. */
  readonly sourced: readonly (SourceContract | undefined)[];
  readonly toolset: Toolset;
}

/** Interval at which the files of upstreams are looked at, in milliseconds. */
const LOOK_MS = 2_000;

/** The tools of a process. The contracts of upstreams may be replaced while it runs. */
export class LiveTools implements AsyncDisposable {
  readonly dispatcher: Dispatcher;
  readonly upstreams: Upstreams;
  readonly #options: LiveToolsOptions;
  readonly #looks: AsyncDisposable | undefined;
  readonly #following: readonly Disposable[];
  readonly #listeners = new Set<() => void>();
  #offer: Offer;
  #reload: Promise<void> = Promise.resolve();
  /** A reload that begins after the current one. */
  #nextReload: Promise<void> | undefined;

  private constructor(options: LiveToolsOptions, upstreams: Upstreams, offer: Offer) {
    const { store, overdue, tracing, clock, logger, sources, audit } = options;
    this.#options = options;
    this.upstreams = upstreams;
    this.#offer = offer;
    const observed = { logger, tracing, audit };
    this.dispatcher = new Dispatcher({ toolset: offer.toolset, store, ...observed, ...(overdue && { overdue }) });
    this.#following = [
      upstreams.onChange(() => this.#tellChange()),
      ...sources.map((source) => source.onChange(() => this.#followSources())),
      ...(audit === undefined ? [] : [audit.onUnblock(() => this.#tellChange())]),
    ];
    this.#followSources();
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
      const offer = await makeOffer(options, { upstreams, contracts });
      for (const _ of warmUp(offer.toolset));
      upstreams.use(contracts, offer.toolset.image);
      return new LiveTools(options, upstreams, offer);
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
      room: () => this.#room(),
      observer: jobObserverOf(this.#options.observers),
      onMore: (listener) => this.onChange(listener),
    };
  }

  /**
   * Number of jobs that may be claimed at once without exceeding the limit of what runs their tools; 0 while a required
   * audit log cannot be written.
   */
  #room(): number {
    if (this.#options.audit?.blocked) return 0;
    const rooms = this.#options.sources.map(({ room }) => room).filter((room) => room > 0);
    return Math.min(this.upstreams.room, ...rooms);
  }

  /** The names of the job tools, sorted. */
  jobTools(): readonly string[] {
    const jobs = [...this.toolset.catalogue.tools()].filter(({ policy }) => policy !== undefined);
    return jobs.map(({ name }) => name).sort();
  }

  /** Whether each service with tools can be called, by its full name. */
  services(): ReadonlyMap<string, boolean> {
    const own = this.#options.tools.map(({ definition }): [string, boolean] => [definition.fullName, true]);
    const sourced = this.#options.sources.flatMap((source) => [...source.services()]);
    return new Map([...own, ...this.upstreams.services(), ...sourced]);
  }

  /** Calls `listener` after a reload, and when an upstream or a source has changed. */
  onChange(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
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
    for (const subscription of this.#following) subscription[Symbol.dispose]();
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
    const isSame = areSame(contracts, this.#offer.contracts);
    const offer = isSame ? this.#offer : await this.#prepare(contracts);
    await this.upstreams.renew();
    if (isSame) return;
    this.#use(offer);
    this.#options.logger.info(
      { tools: [...offer.toolset.catalogue.tools()].length },
      "the contracts of the upstreams were reloaded",
    );
  }

  /** Makes the tools anew if the contract of a source has changed, and tells the listeners. */
  #followSources(): void {
    if (this.#options.sources.every(({ contract }, index) => contract === this.#offer.sourced[index])) {
      this.#tellChange();
      return;
    }
    this.#reload = this.#reload.then(async () => {
      try {
        this.#use(await this.#prepare(this.#offer.contracts));
      } catch (err) {
        this.#options.logger.error({ err }, "changed tools cannot be offered; the previous ones stay in force");
      }
    });
  }

  async #prepare(contracts: readonly UpstreamContract[]): Promise<Offer> {
    const offer = await makeOffer(this.#options, { upstreams: this.upstreams, contracts, later: this.#options.logger });
    // Compiling the rules of many tools at once would delay the calls.
    for (const _ of warmUp(offer.toolset)) await nextTurn();
    return offer;
  }

  #use(offer: Offer): void {
    this.dispatcher.use(offer.toolset);
    this.#offer = offer;
    this.upstreams.use(offer.contracts, offer.toolset.image);
    this.#tellChange();
  }

  #tellChange(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** Checks that tools can be served. Connects to nothing. Throws OPTIONS_INVALID naming the invalid option or tool. */
export async function checkOffered(
  offered: OfferedTools,
  context: Pick<LiveToolsOptions, "clock" | "logger">,
): Promise<void> {
  using upstreams = await Upstreams.open({ ...offered, ...context, serverId: () => "", observers: [] });
  await makeOffer(offered, { upstreams, contracts: await upstreams.readContracts() });
}

interface OfferParts {
  readonly upstreams: Upstreams;
  readonly contracts: readonly UpstreamContract[];
  /** Set while calls are served: a source's tool whose name is taken is left out, and logged here. */
  readonly later?: Logger;
}

/** Makes the tools in several turns of the event loop, because a reload must not delay the calls. */
async function makeOffer(
  { tools, descriptors, sources, system, operator }: OfferedTools & Pick<LiveToolsOptions, "system" | "operator">,
  { upstreams, contracts, later }: OfferParts,
): Promise<Offer> {
  const sourced = sources.map(({ contract }) => contract);
  const sets = sourced.flatMap((contract) => (contract === undefined ? [] : [contract.descriptors]));
  const image = imageOf([...descriptors, ...sets], contracts);
  const validator = new ArgsValidator(image);
  await nextTurn();
  const systemTools = system === undefined ? [] : implementedTools(image, system);
  const all = tools.flatMap((implementation) => implementedTools(image, implementation));
  for (const contract of contracts) {
    await nextTurn();
    all.push(...upstreams.toolsOf(contract, image, validator));
  }
  for (const [index, source] of sources.entries()) {
    await nextTurn();
    const contract = sourced[index];
    const found = contract === undefined ? [] : sourcedTools(image, source, contract);
    all.push(...(later === undefined ? found : withoutTaken(found, [...systemTools, ...all], later)));
  }
  // Few servers have keys with a role, and describing tools takes time.
  const makeOperatorTools = () => (operator === undefined ? [] : implementedTools(image, operator));
  const catalogue = new Catalogue(image, { system: systemTools, operator: makeOperatorTools, tools: all });
  return { contracts, sourced, toolset: { image, catalogue, validator } };
}

/** The tools whose names are free. A server that serves calls cannot refuse to start. */
function withoutTaken(found: readonly Tool[], others: readonly Tool[], logger: Logger): Tool[] {
  const names = new Set(others.map(({ name }) => name));
  return found.filter(({ name, host }) => {
    if (names.has(name)) logger.error({ tool: name }, `a tool of ${host?.name} is left out: its name is taken`);
    return !names.has(name);
  });
}

function canRun({ host, description: { method } }: Tool): boolean {
  return host === undefined || (host.room > 0 && host.serves(method));
}

function areSame(one: readonly UpstreamContract[], two: readonly UpstreamContract[]): boolean {
  return one.every(
    ({ descriptors }, index) => Buffer.compare(descriptors, two[index]?.descriptors ?? Buffer.of()) === 0,
  );
}
