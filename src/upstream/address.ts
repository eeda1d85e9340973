import { Metadata, status } from "@grpc/grpc-js";
import {
  HealthCheckRequest,
  HealthCheckResponse,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from "../../gen/grpc/health/v1/health.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Logger } from "../runtime/logger.ts";
import { unixPathOf } from "../wire/server-address.ts";
import { UpstreamChannel, type UpstreamStatus } from "./channel.ts";
import { type ChannelSecurity, securityOf } from "./channel-security.ts";
import { type ResolvedUpstream, socketFolderFault, type UpstreamHealthMode } from "./options.ts";

/** Options of an {@link UpstreamAddress}. */
export interface UpstreamAddressOptions {
  readonly upstream: ResolvedUpstream;
  readonly address: string;
  /** Full names of the services to check. */
  readonly services: () => readonly string[];
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called when {@link UpstreamAddress.serves} may have changed. */
  readonly onChange: () => void;
}

/** What a check finds out about a service. */
interface Verdict {
  readonly found: "serving" | "not serving" | "refused" | "no answer";
  /** What the connection or the upstream says, for the log. */
  readonly why?: string;
}

const CHECK_METHOD = "/grpc.health.v1.Health/Check";
const CHECK_INTERVAL_MS = 5_000;
const CHECK_TIMEOUT_MS = 500;
/** Number of checks without an answer, one after the other, that mark an address down. */
const STRIKES = 3;
/** Delay before an address that is down is checked again. Doubles up to the maximum. */
const FIRST_RECHECK_MS = 100;
const MOST_RECHECK_MS = 1_000;
/** Time for which a method that an address does not implement is not called there. */
const UNIMPLEMENTED_MS = 30_000;

/** One address of an upstream: its channel, its health, and its open calls. */
export class UpstreamAddress {
  /** Number of open calls. */
  inFlight = 0;
  readonly #options: UpstreamAddressOptions;
  readonly #serving = new Set<string>();
  readonly #leaving = new Set<string>();
  readonly #strikes = new Map<string, number>();
  /** What the log says of each service. */
  readonly #logged = new Map<string, boolean>();
  /** End of the time in which a method is not called, monotonic milliseconds. */
  readonly #unimplemented = new Map<string, number>();
  #security: ChannelSecurity;
  #channel: UpstreamChannel;
  #mode: UpstreamHealthMode;
  #closed = false;
  #checkAgain = false;
  #endPause = (): void => {};

  /** Starts the first check. Throws OPTIONS_INVALID if its TLS files cannot be used. */
  constructor(options: UpstreamAddressOptions) {
    this.#options = options;
    this.#mode = options.upstream.health;
    this.#security = securityOf(options.upstream);
    this.#channel = new UpstreamChannel(options.address, this.#security);
    void this.#follow();
  }

  get channel(): UpstreamChannel {
    return this.#channel;
  }

  /** True if a method of the service can be called at this time. */
  serves(service: string, method: string): boolean {
    if (!this.#serving.has(service)) return false;
    const untilMs = this.#unimplemented.get(method);
    return untilMs === undefined || untilMs <= this.#options.clock.monotonicMs();
  }

  /** True if the last check or call found the service serving. */
  isServing(service: string): boolean {
    return this.#serving.has(service);
  }

  /** True if the upstream itself has said that the service does not serve, as it does when it shuts down. */
  isLeaving(service: string): boolean {
    return this.#leaving.has(service);
  }

  /** Evaluates the end of a failed call: an address that refuses connections is down at once. */
  learn(method: string, { code, by }: UpstreamStatus): void {
    const { clock, services, onChange } = this.#options;
    if (by === "upstream" && code === status.UNIMPLEMENTED) {
      this.#unimplemented.set(method, clock.monotonicMs() + UNIMPLEMENTED_MS);
      // What waits for the end of that time learns of it by no other event.
      clock.after(UNIMPLEMENTED_MS, onChange);
      onChange();
    } else if (code === status.UNAVAILABLE || by === "loss") {
      if (by === "unsent") for (const service of services()) this.#set(service, false);
      onChange();
      this.checkNow();
    }
  }

  /** Ends the wait for the next check. One that is under way may have begun too early, so that another follows. */
  checkNow(): void {
    this.#checkAgain = true;
    this.#endPause();
  }

  /** Reads the TLS files again for new connections. Open calls end on the old one. */
  renew(): void {
    const next = securityOf(this.#options.upstream);
    if (next.version === this.#security.version) return;
    this.#security = next;
    this.#reconnect();
    this.checkNow();
  }

  close(): void {
    this.#closed = true;
    this.#endPause();
    this.#channel.close();
  }

  async #follow(): Promise<void> {
    let recheckMs = FIRST_RECHECK_MS;
    while (!this.#closed) {
      this.#checkAgain = false;
      const isUp = await this.#checkAll();
      recheckMs = isUp ? FIRST_RECHECK_MS : Math.min(recheckMs * 2, MOST_RECHECK_MS);
      await this.#pause(isUp ? CHECK_INTERVAL_MS : recheckMs);
    }
  }

  /** Checks every service. True if all are serving. */
  async #checkAll(): Promise<boolean> {
    const { services, logger, onChange } = this.#options;
    const fault = this.#folderFault();
    const channel = this.#channel;
    let isDead = false;
    const checks = services().map(async (service) => {
      const { found, why }: Verdict =
        fault === undefined ? await this.#check(service) : { found: "refused", why: fault };
      // The end of a check says nothing if this process has closed its connection.
      if (this.#closed || channel !== this.#channel) return false;
      const strikes = found === "no answer" ? (this.#strikes.get(service) ?? 0) + 1 : 0;
      this.#strikes.set(service, strikes);
      if (strikes > 0 && strikes % STRIKES === 0) isDead = true;
      if (found === "not serving") this.#leaving.add(service);
      else if (found === "serving") this.#leaving.delete(service);
      const isUp = found === "serving" || (strikes > 0 && strikes < STRIKES && this.#serving.has(service));
      if (this.#logged.get(service) !== isUp) {
        this.#logged.set(service, isUp);
        if (isUp) logger.info({ service }, "the upstream serves");
        else logger.warn({ service, found, why }, "the upstream does not serve");
      }
      if (this.#set(service, isUp)) onChange();
      return isUp && strikes === 0;
    });
    const found = await Promise.all(checks);
    if (isDead && !this.#closed) this.#reconnect();
    return found.every((isUp) => isUp);
  }

  /**
   * Replaces the connection. Open calls end on the old one. The other end of a connection that is silent may have gone
   * without a word; TCP would notice that after a quarter of an hour.
   */
  #reconnect(): void {
    const before = this.#channel;
    this.#channel = new UpstreamChannel(this.#options.address, this.#security);
    before.close();
  }

  /** Returns true if the service's state has changed. */
  #set(service: string, isServing: boolean): boolean {
    if (this.#serving.has(service) === isServing) return false;
    if (isServing) this.#serving.add(service);
    else this.#serving.delete(service);
    return true;
  }

  async #check(service: string): Promise<Verdict> {
    if (this.#mode === "grpc") {
      const verdict = await this.#askHealth(service);
      if (verdict !== undefined) return verdict;
      this.#mode = "connect";
      this.#options.logger.info({}, "the upstream has no health service; it counts as up while it can be connected");
    }
    if (this.#mode === "off") return { found: "serving" };
    return { found: (await this.#channel.connects(this.#deadlineMs())) ? "serving" : "refused" };
  }

  /** `undefined` if the upstream has no health service. */
  async #askHealth(service: string): Promise<Verdict | undefined> {
    const reply = await this.#channel.unary({
      path: CHECK_METHOD,
      message: HealthCheckRequest.encode({ service }).finish(),
      metadata: new Metadata(),
      deadlineMs: this.#deadlineMs(),
      signal: undefined,
    });
    if (Buffer.isBuffer(reply)) return { found: isServing(reply) ? "serving" : "not serving" };
    const { code, by, details } = reply;
    if (code === status.UNIMPLEMENTED && by === "upstream") return undefined;
    // The upstream reports its health as a whole only.
    if (code === status.NOT_FOUND && service !== "" && !this.#closed) return this.#askHealth("");
    const isRefused = by === "unsent" && code === status.UNAVAILABLE;
    return { found: isRefused ? "refused" : "no answer", why: `${status[code]}: ${details}` };
  }

  /** gRPC deadlines are times of the system's clock. */
  #deadlineMs(): number {
    return this.#options.clock.nowMs() + CHECK_TIMEOUT_MS;
  }

  #folderFault(): string | undefined {
    const { upstream, address } = this.#options;
    const path = unixPathOf(address);
    return path === undefined ? undefined : socketFolderFault(upstream, path);
  }

  #pause(delayMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.#options.clock.after(delayMs, resolve);
    this.#endPause = () => {
      timer[Symbol.dispose]();
      resolve();
    };
    if (this.#closed || this.#checkAgain) this.#endPause();
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
