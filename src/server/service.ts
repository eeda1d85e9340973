import type { Server, ServerInterceptor } from "@grpc/grpc-js";
import type { Worker } from "../jobs/engine.ts";
import { GRACE_LIMITS } from "../jobs/work-limits.ts";
import type { OperatorService } from "../operator/operator-service.ts";
import { checkNumber } from "../runtime/number-range.ts";
import { TickLimiter } from "../runtime/tick-limiter.ts";
import { TimeLimit } from "../runtime/time-limit.ts";
import { VERSION } from "../runtime/version.ts";
import { createRequestAuthenticator } from "../signing/request/verify.ts";
import { OverdueHandlers } from "../tools/overdue-handlers.ts";
import { systemTools } from "../tools/system-tools.ts";
import type { Toolset } from "../tools/toolset.ts";
import { Tracing } from "../tracing/tracing.ts";
import { MAX_REQUEST_BYTES, MAX_RESPONSE_BYTES } from "../wire/limits.ts";
import { openServiceAudit, type ServiceAudit } from "./audit/service-audit.ts";
import { AnonymousCalls } from "./grpc/anonymous-call.ts";
import { createInterceptor } from "./grpc/interceptor.ts";
import { ReadBudget } from "./grpc/read-budget.ts";
import { servicePaths } from "./grpc/service-paths.ts";
import { checkInstalled, servedByInterceptor, toolServiceDefinition } from "./grpc/tool-service.ts";
import { Watches } from "./grpc/watch-call.ts";
import { LiveTools } from "./live-tools.ts";
import { serveOperator } from "./operator.ts";
import { type ResolvedServiceOptions, resolveServiceOptions, type ServiceOptions } from "./options.ts";
import { type CallLog, type CallObserver, callLog } from "./request/access-log.ts";
import { Admission } from "./request/admission.ts";
import { Drain } from "./request/drain.ts";
import { guardKeyListener, guardLogger, guardObserver } from "./request/guards.ts";
import { RefusedFrameCache } from "./request/refused-frame-cache.ts";
import type { ServerLimits } from "./server-limits.ts";
import { HEALTH_SERVICE, Health } from "./services/health.ts";
import { addReflection, REFLECTION_SERVICES, reflectionOf } from "./services/reflection.ts";
import { addUnimplemented } from "./services/unimplemented.ts";

/** Sealwire's part of a grpc-js server. */
export interface SealwireService extends AsyncDisposable {
  /**
   * Verifies and serves signed calls, and passes on the calls of other services. Must be the first of the server's
   * `interceptors`.
   */
  readonly interceptor: ServerInterceptor;
  /** Required options of the grpc-js server: message sizes, streams per connection, keepalive, age of connections. */
  readonly serverOptions: Readonly<Record<string, number>>;
  /**
   * Adds the services to a server that was created with {@link interceptor}. Throws OPTIONS_INVALID for any other
   * server, because it could not answer signed calls.
   */
  addTo(server: Server): void;
  /** The names of its tools without the system tools, sorted. */
  readonly tools: readonly string[];
  /** True while the health service reports SERVING. */
  readonly serving: boolean;
  /**
   * Sets the health to NOT_SERVING while calls are still accepted, so that clients and load balancers use other servers
   * before {@link drain} refuses calls. Idempotent.
   */
  announceDrain(): void;
  /**
   * Reads the contracts, keys and certificates of the upstreams again, which also happens within seconds of a change, and
   * opens the file of the audit log again if it was moved. Calls in flight are not affected. Files that cannot be used are
   * logged, and the previous ones stay in force.
   */
  reload(): Promise<void>;
  /**
   * Shuts down gracefully: the health becomes NOT_SERVING, watches end with UNAVAILABLE, open calls finish, running
   * jobs are returned to the queue. After `graceMs` (0 to 86,400,000, default 10,000) the remaining calls are stopped.
   * Does not affect the server and its connections. Idempotent.
   */
  drain(graceMs?: number): Promise<void>;
}

const DEFAULT_GRACE_MS = 10_000;
const WATCH_WRITES_PER_TURN = 100;
const CALLS_PER_TURN = 24;
const TOOL_SERVICE = "sealwire.v1.ToolService";

/**
 * Creates Sealwire's part of a grpc-js server, which may have other services and interceptors. `createServer` combines
 * it with a listener. Throws OPTIONS_INVALID naming the invalid option or tool.
 *
 * The server must be created with {@link SealwireService.interceptor} as the first of its interceptors. It must limit
 * its connections itself: their number, in total and per address, and the time of a TLS handshake.
 *
 * @example
 * ```ts
 * const service = await createService({ keyRing, store, tools });
 * const server = new Server({ ...service.serverOptions, interceptors: [service.interceptor, ...otherInterceptors] });
 * service.addTo(server);
 * ```
 */
export function createService(options: ServiceOptions): Promise<SealwireService> {
  return assembleService(options);
}

/**
 * Creates a service with all its parts and starts its worker. Everything that depends on a tool or a key is prepared
 * here, so that the first call is not slower.
 */
export async function assembleService(options: ServiceOptions): Promise<AssembledService> {
  const asked = resolveServiceOptions(options);
  const logger = guardLogger(asked.logger);
  const resolved = { ...asked, logger };
  const { keyRing, store, clock, limits } = resolved;
  const ring = () => keyRing.current();
  const log = callLog(logger, clock);
  const argsTypeOf = (tool: string) => live.toolset.catalogue.jobTool(tool)?.inputTypeUrl;
  const given = resolved.observers.map((each) => guardObserver(each, logger));
  const audit = await openServiceAudit(resolved, given);
  const operated = serveOperator(resolved, { argsTypeOf, audit: audit?.feed, observer: audit?.operatorObserver });
  const own = [log, operated.observer, ...(audit === undefined ? [] : [audit.observer])];
  const observers = [...own.map((each) => guardObserver(each, logger)), ...given];
  const tellOverdue = (tool: string, count: number): void => {
    for (const observer of observers) observer.overdueHandlers?.(tool, count);
  };
  const tracing = resolved.tracing === false ? undefined : new Tracing(clock, resolved.tracing);
  const window = { maxAgeMs: limits.maxAgeMs, maxAheadMs: limits.maxAheadMs };
  await store.replay.widen(window);
  await store.announce({ role: "server", address: "" });
  const live: LiveTools = await LiveTools.open({
    ...resolved,
    observers,
    audit: audit?.log,
    tracing,
    system: systemTools({
      version: VERSION,
      ring,
      jobs: store.jobs,
      clock,
      catalogue: () => live.toolset.catalogue,
    }),
    operator: operated.tools,
    overdue: new OverdueHandlers(limits.overdueHandlersMax, tellOverdue),
    serverId: () => ring().serverId,
  }).catch(async (thrown: unknown) => {
    await audit?.[Symbol.asyncDispose]();
    throw thrown;
  });
  const { dispatcher } = live;
  // Reports 0 at the start, so that the metric of each tool exists.
  const { catalogue } = live.toolset;
  for (const { name, policy } of catalogue.tools())
    if (policy === undefined && !catalogue.isSystemTool(name)) tellOverdue(name, 0);
  const tellKeyUse = guardKeyListener(resolved.onKeyUsed, logger);
  const drain = new Drain();
  const readBudget = new ReadBudget(limits.unverifiedBytesMax, clock, new TimeLimit(clock, limits.requestTimeoutMs));
  const interceptor = createInterceptor({
    authenticator: createRequestAuthenticator({
      ring,
      image: () => live.toolset.image,
      clock,
      canonicalRetriesPerSecond: limits.canonicalRetriesPerSecond,
    }),
    ring,
    admission: new Admission({ clock, callStreamsPerKeyMax: limits.callStreamsPerKeyMax }),
    refused: new RefusedFrameCache({ clock, ...window }),
    replay: store.replay,
    window,
    clock,
    logger,
    observers,
    tracing,
    onKeyUsed(keyId) {
      operated.noteKeyUse(keyId);
      tellKeyUse(keyId);
    },
    readBudget,
    tickLimiter: new TickLimiter(CALLS_PER_TURN),
    streamTickLimiter: new TickLimiter(Number.POSITIVE_INFINITY),
    streamTimeoutMs: limits.watchTimeoutMs,
    callsPerStreamMax: limits.callsPerStreamMax,
    execution: {
      dispatcher,
      drain,
      timeLimit: new TimeLimit(clock, limits.callTimeoutMs),
      grace: new TimeLimit(clock, limits.cancelGraceMs),
    },
    watches: new Watches({
      dispatcher,
      clock,
      drain,
      keyRing,
      tickLimiter: new TickLimiter(WATCH_WRITES_PER_TURN),
      watchTimeoutMs: limits.watchTimeoutMs,
    }),
    anonymousCalls: new AnonymousCalls({ ...limits, clock, readBudget }),
    kindOf: servicePaths({ ...resolved, hasTools: (service) => live.toolset.catalogue.services.has(service) }),
  });

  const worker = resolved.work === false ? undefined : await live.work(resolved.work);
  const { operator } = operated;
  return new AssembledService({ interceptor, live, worker, drain, log, audit, observers, operator, options: resolved });
}

interface Parts {
  readonly interceptor: ServerInterceptor;
  readonly live: LiveTools;
  readonly worker: Worker | undefined;
  readonly drain: Drain;
  readonly log: CallLog;
  readonly audit: ServiceAudit | undefined;
  readonly observers: readonly CallObserver[];
  readonly operator: OperatorService;
  readonly options: ResolvedServiceOptions;
}

/** The service, with the properties that `createServer` needs in addition. */
export class AssembledService implements SealwireService {
  readonly interceptor: ServerInterceptor;
  readonly serverOptions: Readonly<Record<string, number>>;
  readonly observers: readonly CallObserver[];
  readonly operator: OperatorService;
  readonly options: ResolvedServiceOptions;
  readonly #parts: Parts;
  readonly #health = new Health([TOOL_SERVICE]);
  /** Subscriptions to the condition of the store and to changes of the tools. */
  readonly #following: readonly Disposable[];
  /** The services whose paths are registered with each server. */
  readonly #registered = new Map<Server, Set<string>>();
  #drained: Promise<void> | undefined;

  constructor(parts: Parts) {
    const { interceptor, observers, operator, options } = parts;
    this.operator = operator;
    this.interceptor = interceptor;
    this.serverOptions = serverOptions(options.limits);
    this.observers = observers;
    this.options = options;
    this.#parts = parts;
    const { condition } = options.store;
    this.#health.setServing(condition.serving);
    this.#following = [
      condition.onChange((serving) => this.#health.setServing(serving)),
      parts.live.onChange(() => this.#followTools()),
    ];
    this.#followTools();
  }

  addTo(server: Server): void {
    const { live, options } = this.#parts;
    checkInstalled(server, this.interceptor);
    server.addService(toolServiceDefinition, servedByInterceptor);
    this.#registered.set(server, new Set());
    this.#followTools();
    if (options.health) this.#health.addTo(server);
    if (options.reflection) {
      const answer = reflectionOf(() => live.toolset.image, reflectedServices(options));
      addReflection(server, answer, options.logger);
    }
  }

  get toolset(): Toolset {
    return this.#parts.live.toolset;
  }

  get tools(): readonly string[] {
    const { catalogue } = this.#parts.live.toolset;
    const names = [...catalogue.tools()].map(({ name }) => name);
    return names.filter((name) => !catalogue.isSystemTool(name)).sort();
  }

  get serving(): boolean {
    return this.#health.serving;
  }

  announceDrain(): void {
    this.#health.stop();
  }

  reload(): Promise<void> {
    const { live, audit } = this.#parts;
    return Promise.all([live.reload(), audit?.log.reopen()]).then(() => {});
  }

  async drain(graceMs: number = DEFAULT_GRACE_MS): Promise<void> {
    this.#drained ??= this.#drain(checkNumber("graceMs", graceMs, GRACE_LIMITS));
    return this.#drained;
  }

  async #drain(graceMs: number): Promise<void> {
    const { worker, drain, live, log, audit, options } = this.#parts;
    for (const subscription of this.#following) subscription[Symbol.dispose]();
    this.#health.stop();
    drain.begin();
    await Promise.all([drain.idle(options.clock, graceMs), worker?.stop(graceMs)]);
    await live[Symbol.asyncDispose]();
    log[Symbol.dispose]();
    await audit?.[Symbol.asyncDispose]();
  }

  /** Reports the health of each service with tools, and registers the paths of new ones. */
  #followTools(): void {
    const { live } = this.#parts;
    this.#health.setServices(live.services());
    for (const [server, known] of this.#registered) {
      for (const [service, methods] of live.toolset.catalogue.services) {
        if (known.has(service)) continue;
        known.add(service);
        addUnimplemented(server, service, methods);
      }
    }
  }

  /** Writes the refusals since the drain. Called after the last connection has ended. */
  endLog(): void {
    this.#parts.log[Symbol.dispose]();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.drain(0);
  }
}

function serverOptions(limits: ServerLimits): Readonly<Record<string, number>> {
  return {
    "grpc.max_receive_message_length": MAX_REQUEST_BYTES,
    "grpc.max_send_message_length": MAX_RESPONSE_BYTES,
    "grpc.max_concurrent_streams": limits.streamsPerConnectionMax,
    "grpc.max_connection_age_ms": limits.connectionAgeMaxMs,
    "grpc.max_connection_age_grace_ms": limits.callTimeoutMs,
    "grpc.keepalive_time_ms": limits.keepaliveIntervalMs,
    "grpc.keepalive_timeout_ms": limits.keepaliveTimeoutMs,
    "grpc.enable_channelz": 0,
  };
}

/** The services that reflection lists. */
function reflectedServices({ health }: ResolvedServiceOptions): readonly string[] {
  return [TOOL_SERVICE, ...(health ? [HEALTH_SERVICE] : []), ...REFLECTION_SERVICES];
}
