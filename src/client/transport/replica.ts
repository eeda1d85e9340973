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

/** Options of a {@link Replica}. */
export interface ReplicaOptions {
  readonly channel: Transport & Endpoint;
  readonly clock: Clock;
  readonly random: Random;
  /** Interval of the health checks, and their time limit. */
  readonly healthIntervalMs: number;
  /** Called with the result of each health check, and when a call finds the server unavailable. */
  readonly onHealth: (health: ReplicaHealth) => void;
}

/** First delay before a server that is not serving is checked again. Doubles up to the interval. */
const FIRST_RECHECK_MS = 100;

/** Statuses of a health check that count as serving: the server has no health service, or limits health checks. */
const HEALTHY_STATUSES: ReadonlySet<number> = new Set([status.UNIMPLEMENTED, status.RESOURCE_EXHAUSTED]);

/** Refuses requests to a server that was removed because its name no longer resolves to it. */
const GONE = new NoEndpoint({
  code: status.UNAVAILABLE,
  details: "The name no longer resolves to this server.",
  metadata: new Metadata(),
  unsent: true,
  away: true,
});

/**
 * One of several servers. It is not serving as soon as a call finds it unavailable or a health check is not answered
 * with SERVING, and serving after the next successful check. Health is polled and not watched, because the open watches
 * of all clients would use up the server's limit of unsigned streams.
 */
export class Replica implements Endpoint {
  readonly #options: ReplicaOptions;
  #health: ReplicaHealth = "unknown";
  #closed = false;
  #endPause = (): void => {};
  #endCheck = (): void => {};

  /** Starts the first health check immediately. */
  constructor(options: ReplicaOptions) {
    this.#options = options;
    void this.#followHealth();
  }

  /** The last known health. */
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

  /** Refuses further requests. Open ones may finish. */
  close(): void {
    this.#closed = true;
    this.#endPause();
    this.#endCheck();
    this.#options.channel.close();
  }

  /** A server that drains or was lost is not serving until a health check succeeds. Starts that check now. */
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

  /** Waits for a randomized delay, so that clients do not check at the same time. `#endPause` ends the wait early. */
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
