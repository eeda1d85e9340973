import { Metadata, status } from "@grpc/grpc-js";
import type { ServerName } from "../../wire/server-address.ts";
import { type Cancellation, unlessAborted } from "../calls/deadline.ts";
import type { ResolvedClientOptions, Route } from "../options.ts";
import { lookUp } from "./name-lookup.ts";
import { Replica, type ReplicaHealth } from "./replica.ts";
import {
  Channel,
  type Endpoint,
  NoEndpoint,
  type RawReply,
  type RawRequest,
  type RawStream,
  type Transport,
} from "./transport.ts";

/** Time after which a name is resolved again while a server is serving. */
const LOOKUP_INTERVAL_MS = 30_000;

/**
 * Distributes the calls over several servers in turn, with one channel for each. Skips servers that are not serving,
 * unless this applies to all: health is unsigned, so it may direct calls but must not prevent them. From the first
 * request until it is closed, it checks the health of the servers and resolves names again.
 */
export class Replicas implements Transport {
  readonly #options: ResolvedClientOptions;
  /** The replicas of each configured address. */
  readonly #byAddress = new Map<Route, Map<string, Replica>>();
  #all: readonly Replica[] = [];
  #turn: number;
  #lookup: Promise<void> | undefined;
  #lookedUpAtMs = 0;
  #lookupFailure = "";
  #changed = Promise.withResolvers<void>();
  #closed = false;

  constructor(options: ResolvedClientOptions) {
    this.#options = options;
    // Clients that start together begin at different servers.
    this.#turn = Math.floor(options.random.fraction() * 1_000_000);
  }

  /** The number of other replicas; 0 while none is serving. */
  get alternatives(): number {
    return this.#all.some(isServing) ? this.#all.length - 1 : 0;
  }

  /** Sends one message to the next replica, and waits for the reply. */
  async unary(request: RawRequest): Promise<RawReply> {
    return (await this.next(request)).unary(request);
  }

  /** Sends one message to the next replica, and reads a stream of replies. */
  serverStream(request: RawRequest): RawStream {
    const opened = this.next(request).then((next) => next.serverStream(request));
    return {
      next: async () => (await opened).next(),
      cancel: () => void opened.then((stream) => stream.cancel()),
    };
  }

  /** Returns the next replica that is serving, or any if none is. Waits until the health of one is known. */
  async next(until: Cancellation): Promise<Endpoint> {
    if (this.#byAddress.size === 0) this.#start();
    if (this.#all.length === 0) this.#lookUpNames();
    try {
      while (!this.#isHealthKnown()) await unlessAborted(this.#changed.promise, until.signal);
    } catch {
      return none(status.CANCELLED, "The call ended before a server was found.");
    }
    for (let tried = 0; tried < this.#all.length; tried += 1) {
      const replica = this.#takeTurn();
      if (replica !== undefined && isServing(replica)) return replica;
    }
    return this.#takeTurn() ?? none(status.UNAVAILABLE, this.#lookupFailure);
  }

  /** Refuses further requests. Open ones may finish. */
  close(): void {
    this.#closed = true;
    for (const replica of this.#all) replica.close();
  }

  #takeTurn(): Replica | undefined {
    this.#turn = (this.#turn + 1) % Math.max(1, this.#all.length);
    return this.#all[this.#turn];
  }

  /** True once a replica is serving, or the health of all is known and none is. */
  #isHealthKnown(): boolean {
    if (this.#all.some(isServing)) return true;
    return (
      (this.#all.length > 0 || this.#lookup === undefined) && this.#all.every(({ health }) => health === "not serving")
    );
  }

  #start(): void {
    for (const address of this.#options.addresses) {
      this.#byAddress.set(address, new Map());
      if (address.kind === "target") this.#replace(address, [address.target]);
    }
    this.#lookUpNames();
  }

  #lookUpNames(): void {
    const names = this.#options.addresses.filter((address) => address.kind === "name");
    if (this.#lookup !== undefined || this.#closed || names.length === 0) return;
    this.#lookedUpAtMs = this.#options.clock.monotonicMs();
    this.#lookup = Promise.all(names.map((name) => this.#lookUpName(name))).then(() => {
      this.#lookup = undefined;
      this.#notifyChange();
    });
  }

  async #lookUpName(name: ServerName): Promise<void> {
    try {
      const targets = await lookUp(name);
      if (!this.#closed) this.#replace(name, targets);
    } catch (thrown) {
      // The previous addresses of the name are kept, because they may still work.
      this.#lookupFailure = `${name.target} cannot be resolved: ${(thrown as Error).message}`;
      this.#options.logger.debug({}, this.#lookupFailure);
    }
  }

  /** Replaces the servers of an address. Servers that remain keep their connections. */
  #replace(address: Route, targets: readonly string[]): void {
    const before = this.#byAddress.get(address);
    const now = new Map(targets.map((target) => [target, before?.get(target) ?? this.#connect(address, target)]));
    this.#byAddress.set(address, now);
    for (const [target, replica] of before ?? []) if (!now.has(target)) replica.close();
    this.#all = [...this.#byAddress.values()].flatMap((replicas) => [...replicas.values()]);
  }

  #connect(address: Route, target: string): Replica {
    const { clock, random, healthIntervalMs, logger } = this.#options;
    let before: ReplicaHealth = "unknown";
    return new Replica({
      channel: new Channel({
        ...this.#options,
        address: target,
        // The certificate contains the configured name and not the resolved addresses.
        serverName: address.kind === "name" ? address.host : undefined,
        proxy: address.kind === "name" ? undefined : address.proxy,
      }),
      clock,
      random,
      healthIntervalMs,
      onHealth: (health) => {
        if (health !== before) logger.debug({ target, health }, `a server is ${health}`);
        before = health;
        const dueAfterMs = health === "serving" ? LOOKUP_INTERVAL_MS : healthIntervalMs;
        if (clock.monotonicMs() - this.#lookedUpAtMs >= dueAfterMs) this.#lookUpNames();
        this.#notifyChange();
      },
    });
  }

  #notifyChange(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }
}

function isServing({ health }: Replica): boolean {
  return health === "serving";
}

function none(code: number, details: string): Endpoint {
  return new NoEndpoint({
    code,
    details,
    metadata: new Metadata(),
    unsent: true,
    away: code === status.UNAVAILABLE,
  });
}
