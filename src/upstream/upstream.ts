import type { status } from "@grpc/grpc-js";
import type { Clock } from "../runtime/clock.ts";
import type { Logger } from "../runtime/logger.ts";
import { UpstreamAddress } from "./address.ts";
import type { ResolvedUpstream } from "./options.ts";

/** Observes the upstreams of a process. */
export interface UpstreamObserver {
  /** A call to an upstream has ended. */
  upstreamCalled?(upstream: string, code: status, durationMs: number): void;
  /** Called at the start, then at each change. `undefined`: the service is no longer offered. */
  upstreamServes?(upstream: string, service: string, serves: boolean | undefined): void;
  /** Number of open calls, after each change. */
  upstreamInFlight?(upstream: string, count: number): void;
}

/** Options of an {@link Upstream}. */
export interface UpstreamParts {
  readonly options: ResolvedUpstream;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly observers: readonly UpstreamObserver[];
}

/** Why a call cannot be sent at this time. */
export type NoPlace = "down" | "full";

/** A gRPC server, at one address or several, and its open calls. */
export class Upstream {
  readonly options: ResolvedUpstream;
  /** For messages. */
  readonly name: string;
  readonly #observers: readonly UpstreamObserver[];
  readonly #addresses: readonly UpstreamAddress[];
  readonly #listeners = new Set<() => void>();
  #services: readonly string[] = [];
  /** The services that at least one address serves. */
  #serving: ReadonlySet<string> = new Set();
  #inFlight = 0;

  /** Checks the health of each address from now on. Throws OPTIONS_INVALID if the TLS files cannot be used. */
  constructor({ options, clock, logger, observers }: UpstreamParts) {
    this.options = options;
    this.name = `the upstream "${options.name}"`;
    this.#observers = observers;
    this.#addresses = options.addresses.map(
      (address) =>
        new UpstreamAddress({
          upstream: options,
          address,
          services: () => this.#services,
          clock,
          logger: logger.child({ upstream: options.name, address }),
          onChange: () => this.#review(),
        }),
    );
  }

  /** Number of further calls that it can take. */
  get room(): number {
    return this.options.maxConcurrency - this.#inFlight;
  }

  /** The full names of the services whose health is checked. */
  get services(): readonly string[] {
    return this.#services;
  }

  /** Replaces {@link services}. */
  use(services: readonly string[]): void {
    for (const service of this.#services) if (!services.includes(service)) this.#tellServing(service, undefined);
    for (const service of services) if (!this.#services.includes(service)) this.#tellServing(service, false);
    this.#services = services;
    for (const address of this.#addresses) address.checkNow();
    this.#review();
  }

  /** True if an address serves the service. */
  isServing(service: string): boolean {
    return this.#serving.has(service);
  }

  /** True if a method, by its full name, can be called at this time. */
  serves(method: string): boolean {
    const service = serviceOf(method);
    return this.#addresses.some((address) => address.serves(service, method));
  }

  /** Takes a place at the address with the fewest open calls. The caller must {@link leave} it. */
  enter(method: string): UpstreamAddress | NoPlace {
    const service = serviceOf(method);
    let best: UpstreamAddress | undefined;
    for (const address of this.#addresses) {
      if (address.serves(service, method) && (best === undefined || address.inFlight < best.inFlight)) best = address;
    }
    if (best === undefined) return "down";
    if (this.room <= 0) return "full";
    best.inFlight += 1;
    this.#count(1);
    return best;
  }

  /** Returns the place of a call that has ended. */
  leave(address: UpstreamAddress): void {
    const wasFull = this.room <= 0;
    address.inFlight -= 1;
    this.#count(-1);
    if (wasFull) this.#tellMore();
  }

  /** Passes the end of a call on to the observers. */
  ended(code: status, durationMs: number): void {
    for (const observer of this.#observers) observer.upstreamCalled?.(this.options.name, code, durationMs);
  }

  /** Calls `listener` when more calls may be sent than before, or when a service has changed. */
  onChange(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
  }

  /** Reads the TLS files again. */
  renew(): void {
    for (const address of this.#addresses) address.renew();
  }

  /** Ends its checks and connections. */
  close(): void {
    for (const address of this.#addresses) address.close();
  }

  #review(): void {
    const now = new Set(
      this.#services.filter((service) => this.#addresses.some((address) => address.isServing(service))),
    );
    for (const service of this.#services) {
      if (now.has(service) !== this.#serving.has(service)) this.#tellServing(service, now.has(service));
    }
    this.#serving = now;
    this.#tellMore();
  }

  #tellServing(service: string, serves: boolean | undefined): void {
    for (const observer of this.#observers) observer.upstreamServes?.(this.options.name, service, serves);
  }

  #tellMore(): void {
    for (const listener of this.#listeners) listener();
  }

  #count(change: number): void {
    this.#inFlight += change;
    for (const observer of this.#observers) observer.upstreamInFlight?.(this.options.name, this.#inFlight);
  }
}

/** The full name of a method's service. */
function serviceOf(method: string): string {
  return method.slice(0, method.lastIndexOf("."));
}
