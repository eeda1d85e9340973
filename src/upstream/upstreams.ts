import { stat } from "node:fs/promises";
import { setImmediate as nextTurn } from "node:timers/promises";
import { fileVersion } from "../files/private-file.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Logger } from "../runtime/logger.ts";
import { systemRandom } from "../runtime/random.ts";
import type { Tool } from "../tools/tool.ts";
import type { ArgsValidator } from "../validation/args.ts";
import type { Image } from "../wire/descriptors.ts";
import { AssertionSigner } from "./assertion.ts";
import { offeredServices, readContract, type UpstreamContract } from "./contract.ts";
import { forwardedTools } from "./forwarding.ts";
import { type ResolvedUpstream, resolveUpstreams, type UpstreamOptions } from "./options.ts";
import { Upstream, type UpstreamObserver } from "./upstream.ts";

/** Options of {@link Upstreams.open}. */
export interface UpstreamsOptions {
  readonly upstreams: readonly UpstreamOptions[];
  /** The id of this server, for upstreams. */
  readonly serverId: () => string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly observers: readonly UpstreamObserver[];
}

/** The upstreams of a process. */
export class Upstreams implements Disposable {
  readonly #options: UpstreamsOptions;
  readonly #resolved: readonly ResolvedUpstream[];
  readonly #signers: ReadonlyMap<string, AssertionSigner>;
  readonly #running = new Map<string, Upstream>();
  readonly #listeners = new Set<() => void>();
  #versions: string;

  private constructor(
    options: UpstreamsOptions,
    resolved: readonly ResolvedUpstream[],
    signers: ReadonlyMap<string, AssertionSigner>,
    versions: string,
  ) {
    this.#options = options;
    this.#resolved = resolved;
    this.#signers = signers;
    this.#versions = versions;
  }

  /** Checks the options and reads the keys. Connects to nothing. Throws OPTIONS_INVALID naming upstream and option. */
  static async open(options: UpstreamsOptions): Promise<Upstreams> {
    const { clock } = options;
    const resolved = resolveUpstreams(options.upstreams);
    const versions = await readVersions(resolved);
    const signers = new Map<string, AssertionSigner>();
    for (const { name, assertion } of resolved) {
      if (assertion === undefined) continue;
      signers.set(name, await AssertionSigner.open({ options: assertion, clock, random: systemRandom }));
    }
    return new Upstreams(options, resolved, signers, versions);
  }

  /** True if there are none. */
  get isEmpty(): boolean {
    return this.#resolved.length === 0;
  }

  /** Number of jobs that may be claimed at once without exceeding the limit of any upstream that is not full. */
  get room(): number {
    let least = Number.POSITIVE_INFINITY;
    for (const { room } of this.#running.values()) if (room > 0) least = Math.min(least, room);
    return least;
  }

  /** Reads the contracts, each in a turn of the event loop. Throws OPTIONS_INVALID naming the upstream and the file. */
  async readContracts(): Promise<readonly UpstreamContract[]> {
    const contracts: UpstreamContract[] = [];
    for (const upstream of this.#resolved) {
      contracts.push(readContract(upstream));
      await nextTurn();
    }
    return contracts;
  }

  /** Makes the tools of a contract. The first call for an upstream starts its health checks. Throws OPTIONS_INVALID. */
  toolsOf(contract: UpstreamContract, image: Image, validator: ArgsValidator): Tool[] {
    const { serverId, clock } = this.#options;
    const { name } = contract.upstream;
    const services = offeredServices(contract, image);
    const upstream = this.#upstreamOf(contract.upstream);
    const context = { upstream, image, validator, serverId, assertions: this.#signers.get(name), clock };
    return services.flatMap((service) => forwardedTools(context, service));
  }

  /** Checks the health of the services of these contracts from now on. */
  use(contracts: readonly UpstreamContract[], image: Image): void {
    for (const contract of contracts) {
      const services = offeredServices(contract, image).map(({ typeName }) => typeName);
      this.#upstreamOf(contract.upstream).use(services);
    }
  }

  /** Whether each service can be called, by its full name. */
  services(): ReadonlyMap<string, boolean> {
    const found = new Map<string, boolean>();
    for (const upstream of this.#running.values()) {
      for (const service of upstream.services) found.set(service, upstream.isServing(service));
    }
    return found;
  }

  /** Calls `listener` when more jobs may be claimed than before, or when a service has changed. */
  onChange(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
  }

  /** True if a file has changed since the last call. */
  async haveFilesChanged(): Promise<boolean> {
    const before = this.#versions;
    this.#versions = await readVersions(this.#resolved);
    return this.#versions !== before;
  }

  /** Reads keys and certificates again. Throws OPTIONS_INVALID; the previous ones then stay. */
  async renew(): Promise<void> {
    for (const signer of this.#signers.values()) await signer.renew();
    for (const upstream of this.#running.values()) upstream.renew();
  }

  [Symbol.dispose](): void {
    for (const upstream of this.#running.values()) upstream.close();
  }

  #upstreamOf(options: ResolvedUpstream): Upstream {
    const found = this.#running.get(options.name);
    if (found !== undefined) return found;
    const { clock, logger, observers } = this.#options;
    const upstream = new Upstream({ options, clock, logger, observers });
    upstream.onChange(() => {
      for (const listener of this.#listeners) listener();
    });
    this.#running.set(options.name, upstream);
    return upstream;
  }
}

/** The versions of all files of the upstreams, as one text. */
async function readVersions(upstreams: readonly ResolvedUpstream[]): Promise<string> {
  const versions = upstreams.flatMap(({ descriptors, tls, assertion }) => {
    const files = [descriptors, tls?.caPath, tls?.certificatePath, tls?.privateKeyPath, assertion?.keyPath];
    return files.filter((file) => typeof file === "string").map(versionOf);
  });
  return (await Promise.all(versions)).join("\n");
}

async function versionOf(path: string): Promise<string> {
  return stat(path, { bigint: true }).then(fileVersion, () => "");
}
