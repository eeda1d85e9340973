import type { Server, ServerInterceptor } from "@grpc/grpc-js";
import type { Worker } from "../jobs/engine.ts";
import { GRACE_LIMITS } from "../jobs/work-limits.ts";
import type { OperatorService } from "../operator/operator-service.ts";
import { checkNumber } from "../runtime/number-range.ts";
import type { Toolset } from "../tools/toolset.ts";
import { MAX_REQUEST_BYTES, MAX_RESPONSE_BYTES } from "../wire/limits.ts";
import type { ServiceAudit } from "./audit/service-audit.ts";
import { checkInstalled, servedByInterceptor, toolServiceDefinition } from "./grpc/tool-service.ts";
import type { LiveTools } from "./live-tools.ts";
import type { ResolvedServiceOptions } from "./options.ts";
import type { CallLog, CallObserver } from "./request/access-log.ts";
import type { Drain } from "./request/drain.ts";
import type { ServerLimits } from "./server-limits.ts";
import { HEALTH_SERVICE, Health } from "./services/health.ts";
import { addReflection, REFLECTION_SERVICES, reflectionOf } from "./services/reflection.ts";
import { addUnimplemented } from "./services/unimplemented.ts";

const DEFAULT_GRACE_MS = 10_000;
const TOOL_SERVICE = "sealwire.v1.ToolService";

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

/** The parts of a service. */
export interface ServiceParts {
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
  readonly #parts: ServiceParts;
  readonly #health = new Health([TOOL_SERVICE]);
  /** Subscriptions to the condition of the store and to changes of the tools. */
  readonly #following: readonly Disposable[];
  /** The services whose paths are registered with each server. */
  readonly #registered = new Map<Server, Set<string>>();
  #drained: Promise<void> | undefined;

  constructor(parts: ServiceParts) {
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
