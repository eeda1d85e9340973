import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { readIntent } from "../client/native/call-metadata.ts";
import type { Contract } from "../client/native/contract.ts";
import { ContractCache } from "../client/native/contract-cache.ts";
import { failureBefore } from "../client/native/native-status.ts";
import { ToolCalls } from "../client/native/tool-calls.ts";
import { SealwireError } from "../errors.ts";
import { TimeLimit } from "../runtime/time-limit.ts";
import { parseListenAddress } from "../server/listen/address.ts";
import { type Listener, listen } from "../server/listen/listener.ts";
import { Drain } from "../server/request/drain.ts";
import { RefusalCounts } from "../server/request/refusal-counts.ts";
import { DEFAULT_SERVER_LIMITS } from "../server/server-limits.ts";
import { HEALTH_SERVICE } from "../server/services/health.ts";
import { addReflection, REFLECTION_SERVICES, reflectionOf } from "../server/services/reflection.ts";
import { MAX_REQUEST_BYTES, MAX_RESPONSE_BYTES } from "../wire/limits.ts";
import { CallerCheck } from "./caller-check.ts";
import { addHealth } from "./health.ts";
import { checkIntentHeaders } from "./intent-headers.ts";
import { NativeServer, type Refusal } from "./native-server.ts";
import { type ProxyOptions, type ResolvedProxyOptions, resolveProxyOptions } from "./options.ts";
import { ServedCall } from "./served-call.ts";
import { ensurePrivateFolder } from "./socket-folder.ts";

/** A proxy that serves the tools of a server natively, and signs each call. */
export interface ToolProxy extends AsyncDisposable {
  /** The address as clients accept it, with the actual port. */
  readonly address: string;
  /**
   * Shuts down: new calls are refused, watches end with UNAVAILABLE, open calls finish. After `graceMs` the remaining
   * calls are ended; their jobs go on. Idempotent.
   */
  drain(graceMs?: number): Promise<void>;
}

const DEFAULT_GRACE_MS = 10_000;
const GOODBYE_MS = 1000;
const RETRY_MS = 1000;

/**
 * Starts a proxy: a gRPC server on this machine that serves the tools and system tools of a Sealwire server under their
 * own gRPC paths (docs/proxy.md). Throws OPTIONS_INVALID for an address that others can reach.
 */
export async function createProxy(options: ProxyOptions): Promise<ToolProxy> {
  const proxy = new RunningProxy(resolveProxyOptions(options));
  await proxy.listen();
  return proxy;
}

class RunningProxy implements ToolProxy {
  readonly #options: ResolvedProxyOptions;
  readonly #server: NativeServer;
  readonly #callers: CallerCheck;
  readonly #refusals: RefusalCounts;
  readonly #contracts: ContractCache;
  readonly #toolCalls: ToolCalls;
  readonly #drain = new Drain();
  readonly #requestTime: TimeLimit;
  #open = 0;
  #listener: Listener | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: ResolvedProxyOptions) {
    const { client, token, timeoutMs, limits, logger, clock } = options;
    const drainSignal = this.#drain.signal;
    this.#options = options;
    this.#callers = new CallerCheck(token);
    this.#refusals = new RefusalCounts(logger, clock, "calls refused");
    this.#requestTime = new TimeLimit(clock, limits.requestTimeoutMs);
    const fetch = () => client.listTools({ includeDescriptors: true, timeoutMs });
    this.#contracts = new ContractCache({ fetch, clock, logger });
    this.#toolCalls = new ToolCalls({ client, timeoutMs, drainSignal, logger, clock });
    this.#server = new NativeServer({
      options: serverOptions(),
      clock,
      admit: (headers, stream) => this.#admit(headers, stream),
      serve: (stream) => void this.#serve(new ServedCall(stream)),
    });
    const { grpc } = this.#server;
    addReflection(grpc, async (request) => reflectionOn(await this.#contracts.current())(request), logger);
    addHealth(grpc, { client, contracts: this.#contracts, drainSignal, clock });
  }

  /** Starts to accept calls. */
  async listen(): Promise<void> {
    const { address, limits, clock, logger } = this.#options;
    if (address.kind === "unix") await ensurePrivateFolder(address.path);
    this.#listener = await listen({
      address,
      reusePort: false,
      tls: undefined,
      insecurePlaintext: false,
      connectionsMax: limits.connectionsMax,
      connectionsPerPeerMax: limits.connectionsMax,
      handshakeTimeoutMs: limits.handshakeTimeoutMs,
      clock,
      logger,
      onOpen: () => {},
      onConnection: (socket) => this.#server.inject(socket),
    });
    this.#callers.listensAt(parseListenAddress(this.address));
    this.#contracts.refresh();
  }

  get address(): string {
    return this.#listener?.address ?? "";
  }

  async drain(graceMs = DEFAULT_GRACE_MS): Promise<void> {
    this.#closed ??= this.#close(graceMs);
    return this.#closed;
  }

  async #close(graceMs: number): Promise<void> {
    this.#drain.begin();
    await this.#drain.idle(this.#options.clock, graceMs);
    this.#server.close();
    await this.#listener?.close(GOODBYE_MS);
    this.#refusals.write();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.drain(0);
  }

  /** Checks the caller and the number of its calls before anything of the request is read. */
  #admit(headers: IncomingHttpHeaders, stream: ServerHttp2Stream): Refusal | undefined {
    const refused = this.#callers.check(headers);
    if (refused !== undefined) {
      const { cause, refusal } = refused;
      const peer = stream.session?.socket.remoteAddress ?? "local";
      if (this.#refusals.isFirst(peer, cause)) this.#options.logger.warn({ audit: true, peer, cause }, "call refused");
      return refusal;
    }
    if (this.#drain.signal.aborted) return failureBefore(new SealwireError("DRAINING", "The proxy is shutting down."));
    if (this.#open >= this.#options.limits.callsMax) return failureBefore(tooManyCalls(this.#open));
    try {
      checkIntentHeaders(headers);
    } catch (thrown) {
      return failureBefore(SealwireError.from(thrown));
    }
    this.#open += 1;
    stream.once("close", () => {
      this.#open -= 1;
    });
    return undefined;
  }

  /** Never rejects. */
  async #serve(call: ServedCall): Promise<void> {
    const place = this.#drain.enter(call);
    try {
      const request = await this.#read(call);
      await this.#toolCalls.serve(request);
    } catch (thrown) {
      if (!(thrown instanceof SealwireError)) this.#options.logger.error({ err: thrown }, "call failed unexpectedly");
      call.fail(failureBefore(SealwireError.from(thrown)));
    } finally {
      this.#drain.leave(place);
    }
  }

  async #read(call: ServedCall) {
    const intent = readIntent(call.metadata, this.#options.random);
    const method = await this.#contracts.find(call.path, call.signal);
    const args = await call.request(this.#requestTime);
    return { call, method, intent, args };
  }
}

const reflections = new WeakMap<Contract, ReturnType<typeof reflectionOf>>();

/** Answers requests of gRPC reflection by a contract. */
function reflectionOn(contract: Contract): ReturnType<typeof reflectionOf> {
  const { image, services } = contract;
  const reflect =
    reflections.get(contract) ?? reflectionOf(() => image, [...services, HEALTH_SERVICE, ...REFLECTION_SERVICES]);
  reflections.set(contract, reflect);
  return reflect;
}

function tooManyCalls(open: number): SealwireError {
  return new SealwireError(
    "QUOTA_EXCEEDED",
    `The proxy has ${open} calls in flight, its limit; wait for some to end.`,
    {
      retryDelayMs: RETRY_MS,
    },
  );
}

/** Connections have no maximum age, because a call lasts as long as its job. */
function serverOptions() {
  const { streamsPerConnectionMax, keepaliveIntervalMs, keepaliveTimeoutMs } = DEFAULT_SERVER_LIMITS;
  return {
    "grpc.max_receive_message_length": MAX_REQUEST_BYTES,
    "grpc.max_send_message_length": MAX_RESPONSE_BYTES,
    "grpc.max_concurrent_streams": streamsPerConnectionMax,
    "grpc.keepalive_time_ms": keepaliveIntervalMs,
    "grpc.keepalive_timeout_ms": keepaliveTimeoutMs,
    "grpc.enable_channelz": 0,
  };
}
