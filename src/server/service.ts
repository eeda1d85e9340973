import { TickLimiter } from "../runtime/tick-limiter.ts";
import { TimeLimit } from "../runtime/time-limit.ts";
import { VERSION } from "../runtime/version.ts";
import { createRequestAuthenticator } from "../signing/request/verify.ts";
import { OverdueHandlers } from "../tools/overdue-handlers.ts";
import { systemTools } from "../tools/system-tools.ts";
import { Tracing } from "../tracing/tracing.ts";
import { AssembledService, type SealwireService } from "./assembled-service.ts";
import { openServiceAudit } from "./audit/service-audit.ts";
import { AnonymousCalls } from "./grpc/anonymous-call.ts";
import { createInterceptor } from "./grpc/interceptor.ts";
import { ReadBudget } from "./grpc/read-budget.ts";
import { servicePaths } from "./grpc/service-paths.ts";
import { Watches } from "./grpc/watch-call.ts";
import { LiveTools } from "./live-tools.ts";
import { serveOperator } from "./operator.ts";
import { resolveServiceOptions, type ServiceOptions } from "./options.ts";
import { callLog } from "./request/access-log.ts";
import { Admission } from "./request/admission.ts";
import { Drain } from "./request/drain.ts";
import { guardKeyListener, guardLogger, guardObserver } from "./request/guards.ts";
import { RefusedFrameCache } from "./request/refused-frame-cache.ts";

const WATCH_WRITES_PER_TURN = 100;
const CALLS_PER_TURN = 24;

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
