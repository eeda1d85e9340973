import { Metadata, status } from "@grpc/grpc-js";
import {
  HealthCheckRequest,
  HealthCheckResponse,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from "../../../gen/grpc/health/v1/health.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Random } from "../../runtime/random.ts";
import { CHECK_METHOD } from "./health.ts";
import {
  type DuplexListener,
  type Endpoint,
  NoEndpoint,
  type RawDuplex,
  type RawReply,
  type RawRequest,
  type RawStatus,
  type RawStream,
  type Transport,
} from "./transport.ts";

/** The health of a server as this client knows it; "unknown" until the first call or health check ends. */
export type ReplicaHealth = "unknown" | "serving" | "not serving";

/** What a replica is made of. */
export interface ReplicaOptions {
  readonly channel: Transport & Endpoint;
  readonly clock: Clock;
  readonly random: Random;
  /** How often it is asked for its health, and how long it may take to answer. */
  readonly healthIntervalMs: number;
  /** Called with the result of each health check, and when a call finds the server unavailable. */
  readonly onHealth: (health: ReplicaHealth) => void;
}

/** First wait before a server that is out is asked again; doubles up to the interval. */
const FIRST_RECHECK_MS = 100;

/** Statuses of a health check that count as serving: the server has no health service, or limits health checks. */
const HEALTHY_STATUSES: ReadonlySet<number> = new Set([status.UNIMPLEMENTED, status.RESOURCE_EXHAUSTED]);

/** What a request gets that was to go to a server when the name lost it. */
const GONE = new NoEndpoint({
  code: status.UNAVAILABLE,
  details: "The server is no longer behind its name.",
  metadata: new Metadata(),
  unsent: true,
  away: true,
});

/**
 * One of several servers. It is out as soon as a call finds it unavailable or a health check is not answered with
 * SERVING, and in once a check is. Health is asked for again and again, not watched: streams that all clients hold
 * open would use up the server's places for calls that nobody signed.
 */
export class Replica implements Endpoint {
  readonly #options: ReplicaOptions;
  #health: ReplicaHealth = "unknown";
  #closed = false;
  #endPause = (): void => {};
  #endCheck = (): void => {};

  /** Asks for its health at once. */
  constructor(options: ReplicaOptions) {
    this.#options = options;
    void this.#followHealth();
  }

  /** What is known of it. */
  get health(): ReplicaHealth {
    return this.#health;
  }

  /** Sends one message and waits for the reply. Never rejects: a failure is a status. */
  async unary(request: RawRequest): Promise<RawReply> {
    if (this.#closed) return GONE.unary();
    const reply = await this.#options.channel.unary(request);
    this.#learn(reply.status);
    return reply;
  }

  /** Sends one message and reads a stream of replies. */
  serverStream(request: RawRequest): RawStream {
    if (this.#closed) return GONE.serverStream();
    const stream = this.#options.channel.serverStream(request);
    return {
      next: async () => {
        const next = await stream.next();
        if (!(next instanceof Uint8Array)) this.#learn(next);
        return next;
      },
      cancel: () => stream.cancel(),
    };
  }

  /** Opens a stream on which both sides send. */
  duplex(path: string, listener: DuplexListener): RawDuplex {
    if (this.#closed) return GONE.duplex(path, listener);
    return this.#options.channel.duplex(path, {
      onMetadata: (metadata) => listener.onMetadata(metadata),
      onMessage: (message) => listener.onMessage(message),
      onEnd: (end) => {
        this.#learn(end);
        listener.onEnd(end);
      },
    });
  }

  /** Takes no further requests; those under way may finish. */
  close(): void {
    this.#closed = true;
    this.#endPause();
    this.#endCheck();
    this.#options.channel.close();
  }

  /** A server that drains or was lost is out until a check finds it well, and that is made now. */
  #learn({ code }: RawStatus): void {
    if (code !== status.UNAVAILABLE || this.#health === "not serving") return;
    this.#setHealth("not serving");
    this.#endPause();
  }

  #setHealth(health: ReplicaHealth): void {
    if (this.#closed) return;
    this.#health = health;
    this.#options.onHealth(health);
  }

  async #followHealth(): Promise<void> {
    const { healthIntervalMs } = this.#options;
    let recheckMs = FIRST_RECHECK_MS;
    while (!this.#closed) {
      const isHealthy = await this.#check();
      this.#setHealth(isHealthy ? "serving" : "not serving");
      recheckMs = isHealthy ? FIRST_RECHECK_MS : Math.min(recheckMs * 2, healthIntervalMs);
      await this.#pause(isHealthy ? healthIntervalMs : recheckMs);
    }
  }

  async #check(): Promise<boolean> {
    const { channel, clock, healthIntervalMs } = this.#options;
    const check = new AbortController();
    this.#endCheck = () => check.abort();
    using _ = clock.after(healthIntervalMs, this.#endCheck);
    const { message, status: end } = await channel.unary({
      path: CHECK_METHOD,
      message: Buffer.from(HealthCheckRequest.encode({ service: "" }).finish()),
      timeoutMs: healthIntervalMs,
      signal: check.signal,
      traceparent: undefined,
    });
    return message === undefined ? HEALTHY_STATUSES.has(end.code) : isServing(message);
  }

  /** Waits, unless something happens that makes a check worth while. Spread, so that clients do not ask in step. */
  #pause(delayMs: number): Promise<void> {
    const { clock, random } = this.#options;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = clock.after(delayMs * (0.75 + random.fraction() / 2), resolve);
    this.#endPause = () => {
      timer[Symbol.dispose]();
      resolve();
    };
    if (this.#closed) this.#endPause();
    return promise;
  }
}

function isServing(message: Uint8Array): boolean {
  try {
    return HealthCheckResponse.decode(message).status === ServingStatus.SERVING;
  } catch {
    return false;
  }
}
