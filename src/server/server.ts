import { Server, ServerCredentials, type ServiceDefinition } from "@grpc/grpc-js";
import { SystemToolServiceDefinition } from "../../gen/sealwire/system/v1/system_tool_service.ts";
import { ToolServiceService } from "../../gen/sealwire/v1/tool_service.ts";
import type { Worker } from "../jobs/engine.ts";
import { GRACE_LIMITS } from "../jobs/work-limits.ts";
import { checkNumber } from "../runtime/number-range.ts";
import { TickLimiter } from "../runtime/tick-limiter.ts";
import { TimeLimit } from "../runtime/time-limit.ts";
import { VERSION } from "../runtime/version.ts";
import { createRequestAuthenticator } from "../signing/request/verify.ts";
import { Catalogue } from "../tools/catalogue.ts";
import { Dispatcher } from "../tools/dispatcher.ts";
import { OverdueHandlers } from "../tools/overdue-handlers.ts";
import { systemTools } from "../tools/system-tools.ts";
import { ArgsValidator } from "../validation/args.ts";
import { builtinDescriptorSet, builtinImage, type Image, readImage } from "../wire/descriptors.ts";
import { MAX_REQUEST_BYTES, MAX_RESPONSE_BYTES } from "../wire/limits.ts";
import { AnonymousCalls } from "./grpc/anonymous-call.ts";
import { createInterceptor } from "./grpc/interceptor.ts";
import { ReadBudget } from "./grpc/read-budget.ts";
import { createWatchHandler } from "./grpc/watch-call.ts";
import { parseListenAddress } from "./listen/address.ts";
import { type Listener, listen } from "./listen/listener.ts";
import { type ListenOptions, type ResolvedServerOptions, resolveServerOptions, type ServerOptions } from "./options.ts";
import { type CallLog, type CallObserver, callLog } from "./request/access-log.ts";
import { Admission } from "./request/admission.ts";
import { createCallHandler } from "./request/call-handler.ts";
import { Drain } from "./request/drain.ts";
import { CallRunner } from "./request/execution.ts";
import { Gate } from "./request/gate.ts";
import { guardKeyListener, guardLogger, guardObserver } from "./request/guards.ts";
import { Signer } from "./request/signer.ts";
import { addHealth, type Health } from "./services/health.ts";
import { addReflection } from "./services/reflection.ts";
import { addNativeTools } from "./services/unimplemented.ts";

/** A server of signed tool calls. */
export interface SealwireServer extends AsyncDisposable {
  /**
   * Starts to accept calls at "HOST:PORT", "[IPv6]:PORT" or "unix:PATH"; port 0 picks a free one. Resolves to the
   * address as clients take it. May be called again for a further address. Throws OPTIONS_INVALID.
   */
  listen(address: string, options?: ListenOptions): Promise<{ readonly address: string }>;
  /** Whether health says SERVING. */
  readonly serving: boolean;
  /**
   * Has health say NOT_SERVING while calls are still taken, so that clients and load balancers turn away before
   * {@link drain} refuses anything. Idempotent.
   */
  announceDrain(): void;
  /**
   * Shuts down without losing anything: health says NOT_SERVING, watches end with UNAVAILABLE, open calls finish,
   * running jobs are handed back. After `graceMs` (0 to 86,400,000, default 10,000) what is left is cut off. Idempotent.
   */
  drain(graceMs?: number): Promise<void>;
}

const DEFAULT_GRACE_MS = 10_000;
const GOODBYE_MS = 1000;
const WATCH_WRITES_PER_TURN = 100;
const CALLS_PER_TURN = 24;
const TOOL_SERVICE = "sealwire.v1.ToolService";
const ANONYMOUS_SERVICES = [
  "grpc.health.v1.Health",
  "grpc.reflection.v1.ServerReflection",
  "grpc.reflection.v1alpha.ServerReflection",
];

/**
 * Makes a server of its parts and starts its worker. Everything that is per tool or per key is prepared here, so
 * that the first call is as fast as the next. Throws OPTIONS_INVALID naming the option or the tool at fault.
 */
export async function createServer(options: ServerOptions): Promise<SealwireServer> {
  const asked = resolveServerOptions(options);
  const logger = guardLogger(asked.logger);
  const resolved = { ...asked, logger };
  const { keyRing, store, tools, clock, limits } = resolved;
  const image = imageOf(resolved.descriptors);
  const ring = () => keyRing.current();

  const catalogue: Catalogue = new Catalogue(
    image,
    systemTools({ version: VERSION, ring, jobs: store.jobs, clock, catalogue: () => catalogue }),
    tools,
  );
  const log = callLog(logger, clock);
  const observers = [log, ...resolved.observers].map((observer) => guardObserver(observer, logger));
  const tellOverdue = (tool: string, count: number): void => {
    for (const observer of observers) observer.overdueHandlers?.(tool, count);
  };
  // From the start, so that a metric of it is there before anything is overdue.
  for (const { name, policy } of catalogue.tools())
    if (policy === undefined && !catalogue.isSystemTool(name)) tellOverdue(name, 0);
  const overdue = new OverdueHandlers(limits.overdueHandlersMax, tellOverdue);
  const dispatcher = new Dispatcher({
    catalogue,
    store,
    validator: new ArgsValidator(image),
    overdue,
    logger,
  });
  const drain = new Drain();
  const runner = new CallRunner({
    dispatcher,
    drain,
    timeLimit: new TimeLimit(clock, limits.callTimeoutMs),
    grace: new TimeLimit(clock, limits.cancelGraceMs),
  });
  const admission = new Admission({ clock, callStreamsPerKeyMax: limits.callStreamsPerKeyMax });
  const window = { maxAgeMs: limits.maxAgeMs, maxAheadMs: limits.maxAheadMs };
  await store.replay.widen(window);
  const gate = new Gate({
    authenticator: createRequestAuthenticator({
      ring,
      image,
      clock,
      canonicalRetriesPerSecond: limits.canonicalRetriesPerSecond,
    }),
    ring,
    replay: store.replay,
    admission,
    clock,
    window,
  });
  const readBudget = new ReadBudget(limits.unverifiedBytesMax, clock, new TimeLimit(clock, limits.requestTimeoutMs));
  const interceptor = createInterceptor({
    gate,
    signer: new Signer(ring, clock),
    readBudget,
    clock,
    logger,
    observers,
    runner,
    admission,
    drain,
    streamTimeoutMs: limits.watchTimeoutMs,
    callsPerStreamMax: limits.callsPerStreamMax,
    anonymousCalls: new AnonymousCalls({ ...limits, clock, readBudget }),
    onKeyUsed: guardKeyListener(resolved.onKeyUsed, logger),
    tickLimiter: new TickLimiter(CALLS_PER_TURN),
    streamTickLimiter: new TickLimiter(Number.POSITIVE_INFINITY),
    serveCall: createCallHandler(runner),
    serveWatch: createWatchHandler({
      dispatcher,
      clock,
      drain,
      keyRing,
      tickLimiter: new TickLimiter(WATCH_WRITES_PER_TURN),
      watchTimeoutMs: limits.watchTimeoutMs,
    }),
  });

  const server = new Server({
    interceptors: [interceptor],
    "grpc.max_receive_message_length": MAX_REQUEST_BYTES,
    "grpc.max_send_message_length": MAX_RESPONSE_BYTES,
    "grpc.max_concurrent_streams": limits.streamsPerConnectionMax,
    "grpc.max_connection_age_ms": limits.connectionAgeMaxMs,
    "grpc.max_connection_age_grace_ms": limits.callTimeoutMs,
    "grpc.keepalive_time_ms": limits.keepaliveIntervalMs,
    "grpc.keepalive_timeout_ms": limits.keepaliveTimeoutMs,
    "grpc.enable_channelz": 0,
  });
  server.addService(toolServiceDefinition, servedByInterceptor);
  for (const definition of [SystemToolServiceDefinition, ...tools.map((tool) => tool.definition)])
    addNativeTools(server, definition);
  const health = addHealth(server, [TOOL_SERVICE]);
  if (resolved.reflection) addReflection(server, image, [TOOL_SERVICE, ...ANONYMOUS_SERVICES], logger);

  const worker = resolved.work === false ? undefined : await store.jobs.work(dispatcher.jobHandlers(), resolved.work);
  health.setServing(store.condition.serving);
  const following = store.condition.onChange((serving) => health.setServing(serving));
  return new RunningServer({ server, health, worker, drain, following, log, observers, options: resolved });
}

/** Sees whether these tools can be served, as {@link createServer} does. Throws OPTIONS_INVALID naming the tool at fault. */
export function checkTools({ tools, descriptors = [] }: Pick<ServerOptions, "tools" | "descriptors">): void {
  new Catalogue(imageOf(descriptors), undefined, tools);
}

function imageOf(descriptors: readonly Uint8Array[]): Image {
  return descriptors.length === 0 ? builtinImage() : readImage(builtinDescriptorSet(), ...descriptors);
}

interface Parts {
  readonly server: Server;
  readonly health: Health;
  readonly worker: Worker | undefined;
  readonly drain: Drain;
  /** Follows the condition of the store. */
  readonly following: Disposable;
  readonly log: CallLog;
  readonly observers: readonly CallObserver[];
  readonly options: ResolvedServerOptions;
}

class RunningServer implements SealwireServer {
  readonly #parts: Parts;
  readonly #listeners: Listener[] = [];
  readonly #injector;
  #drained: Promise<void> | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    // Connections are accepted, limited and decrypted by the listener: TLS, too, is below this.
    this.#injector = parts.server.createConnectionInjector(ServerCredentials.createInsecure());
  }

  async listen(address: string, { reusePort = false }: ListenOptions = {}): Promise<{ readonly address: string }> {
    const { observers, options } = this.#parts;
    const { tls, insecurePlaintext, limits, clock, logger } = options;
    const listener = await listen({
      address: parseListenAddress(address),
      reusePort,
      tls,
      insecurePlaintext,
      connectionsMax: limits.connectionsMax,
      connectionsPerPeerMax: limits.connectionsPerPeerMax,
      handshakeTimeoutMs: limits.handshakeTimeoutMs,
      clock,
      logger,
      onOpen(socket) {
        for (const observer of observers) observer.connectionOpened?.();
        socket.once("close", () => {
          for (const observer of observers) observer.connectionClosed?.();
        });
      },
      onConnection: (socket) => this.#injector.injectConnection(socket),
    });
    this.#listeners.push(listener);
    return { address: listener.address };
  }

  get serving(): boolean {
    return this.#parts.health.serving;
  }

  announceDrain(): void {
    this.#parts.health.stop();
  }

  async drain(graceMs: number = DEFAULT_GRACE_MS): Promise<void> {
    this.#drained ??= this.#drain(checkNumber("graceMs", graceMs, GRACE_LIMITS));
    return this.#drained;
  }

  async #drain(graceMs: number): Promise<void> {
    const { server, health, worker, drain, following, log, options } = this.#parts;
    following[Symbol.dispose]();
    health.stop();
    drain.begin();
    await Promise.all([drain.idle(options.clock, graceMs), worker?.stop(graceMs)]);
    // Connections are asked to end once their last answers are through. grpc-js 1.14 on Node 24 says that they have
    // when they have not, and leaves the injected ones open: the listener sees to both.
    server.tryShutdown(() => {});
    await Promise.all(this.#listeners.map((listener) => listener.close(GOODBYE_MS)));
    log[Symbol.dispose]();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.drain(0);
  }
}

const identity = (bytes: Buffer): Buffer => bytes;

const unreached = (): void => {};
const servedByInterceptor = { call: unreached, callStream: unreached, watchJob: unreached };

/** ToolService with identity codecs: what is verified is what was received, and what is sent is what was signed. */
const toolServiceDefinition = {
  call: { ...ToolServiceService.call, requestDeserialize: identity, responseSerialize: identity },
  callStream: { ...ToolServiceService.callStream, requestDeserialize: identity, responseSerialize: identity },
  watchJob: { ...ToolServiceService.watchJob, requestDeserialize: identity, responseSerialize: identity },
} as unknown as ServiceDefinition;
