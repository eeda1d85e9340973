import { statSync } from "node:fs";
import { dirname } from "node:path";
import { SealwireError } from "../errors.ts";
import { replaceableFolder } from "../files/folder-trust.ts";
import { checkNumber, type NumberRange } from "../runtime/number-range.ts";
import { DAY_MS } from "../runtime/time-span.ts";
import { isLoopback } from "../wire/loopback.ts";
import { parseAddresses, unixPathOf } from "../wire/server-address.ts";

/** How the health of an upstream is found out; see {@link UpstreamOptions.health}. */
export type UpstreamHealthMode = "grpc" | "connect" | "off";

/** The values of {@link UpstreamHealthMode}. */
export const HEALTH_MODES: readonly UpstreamHealthMode[] = ["grpc", "connect", "off"];

/** TLS to an upstream. Files in PEM format, which are read again when they change. */
export interface UpstreamTlsOptions {
  /** The certificate authorities to trust. Default: those of the system. */
  readonly caPath?: string;
  /** The certificate that the server presents to the upstream (mTLS), with its key. */
  readonly certificatePath?: string;
  readonly privateKeyPath?: string;
  /** The name that the upstream's certificate must contain. Default: the host of the address. */
  readonly serverName?: string;
}

/** Signs a short-lived token for each run, by which an upstream knows that the call comes from this server. */
export interface AssertionOptions {
  /** The `aud` of the tokens. */
  readonly audience: string;
  /** The signing keys, as `sealwire upstream keygen` writes them. Read again when the file changes. */
  readonly keyPath: string;
}

/** A gRPC server whose methods are offered as tools (docs/upstreams.md). */
export interface UpstreamOptions {
  /** Names it in the log and in metrics: 1 to 32 of a-z, 0-9, "-" and "_", a letter first. */
  readonly name: string;
  /** "unix:PATH", "HOST:PORT" or "dns:///HOST:PORT"; several as a list or separated by commas. */
  readonly address: string | readonly string[];
  /** The serialized FileDescriptorSet of its contract, or the path of a file with one, read again when it changes. */
  readonly descriptors: Uint8Array | string;
  /** Full names of the services to offer. Default: every service in the descriptors that is not Sealwire's or gRPC's. */
  readonly services?: readonly string[];
  /** Maximum number of open calls and jobs of this process at the upstream, 1 to 10,000. Default 100. */
  readonly maxConcurrency?: number;
  /** Maximum time of a sync call in milliseconds, 1 to 86,400,000. Default: the limits of the caller and the server. */
  readonly callTimeoutMs?: number;
  /**
   * "grpc": grpc.health.v1 of each service, every 5 s; "connect": whether it can be connected; "off": only calls tell.
   * Default "grpc", and "connect" for an upstream without the health service.
   */
  readonly health?: UpstreamHealthMode;
  /**
   * True if the upstream remembers `sealwire-idempotency-key` for 24 h or more and acts once per key. A call whose
   * outcome was lost may then be repeated. Default false.
   */
  readonly deduplicates?: boolean;
  /**
   * Allows plaintext without assertion on a loopback port, or on a unix socket in a folder that others can write. Every
   * user of this machine can then call the upstream, or take its place. Default false.
   */
  readonly trustLoopback?: boolean;
  readonly tls?: UpstreamTlsOptions;
  readonly assertion?: AssertionOptions;
}

/** {@link UpstreamOptions} with all defaults filled in. */
export interface ResolvedUpstream extends UpstreamOptions {
  readonly addresses: readonly string[];
  readonly maxConcurrency: number;
  /** Infinity: no limit of its own. */
  readonly callTimeoutMs: number;
  readonly health: UpstreamHealthMode;
  readonly deduplicates: boolean;
  readonly trustLoopback: boolean;
}

/** The ranges of the numbers in {@link UpstreamOptions}. */
export const UPSTREAM_LIMITS = {
  maxConcurrency: { least: 1, most: 10_000 },
  callTimeoutMs: { least: 1, most: DAY_MS },
} as const satisfies Readonly<Record<string, NumberRange>>;

const NAME = /^[a-z][a-z0-9_-]{0,31}$/;
const SERVICE = /^[A-Za-z_][\w.]*$/;
const SERVER_NAME = /^[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9_])?$/;
const AUDIENCE = /^[!-~]{1,256}$/;
const MOST_UPSTREAMS = 100;
const MOST_ADDRESSES = 100;
/** Mode bits that let users other than the owner write. */
const OTHERS_WRITE = 0o022;

/** Fills in defaults and checks every value. Throws OPTIONS_INVALID naming the upstream and the option. */
export function resolveUpstreams(upstreams: readonly UpstreamOptions[]): readonly ResolvedUpstream[] {
  if (upstreams.length > MOST_UPSTREAMS) {
    const what = `There are ${upstreams.length} upstreams; ${MOST_UPSTREAMS} are the most.`;
    throw new SealwireError("OPTIONS_INVALID", what);
  }
  const names = new Set<string>();
  return upstreams.map((options) => {
    const resolved = resolve(options);
    if (names.has(resolved.name)) throw refused(resolved, "name", "is given twice; give each upstream its own");
    names.add(resolved.name);
    return resolved;
  });
}

function resolve(options: UpstreamOptions): ResolvedUpstream {
  const { name, services, tls, assertion, health = "grpc" } = options;
  if (typeof name !== "string" || !NAME.test(name)) {
    const shown = JSON.stringify(String(name).slice(0, 80));
    const rule = 'must be 1 to 32 of a-z, 0-9, "-" and "_", a letter first';
    throw new SealwireError("OPTIONS_INVALID", `The name ${shown} of an upstream ${rule}.`);
  }
  const range = (option: keyof typeof UPSTREAM_LIMITS, fallback: number): number => {
    const value = options[option];
    return value === undefined
      ? fallback
      : checkNumber(`The ${option} of the upstream "${name}"`, value, UPSTREAM_LIMITS[option]);
  };
  for (const service of services ?? []) {
    if (!SERVICE.test(service)) throw refused(options, "services", `contain ${JSON.stringify(service)}, no full name`);
  }
  if (services?.length === 0) throw refused(options, "services", "are empty; leave them out to offer all");
  if (!HEALTH_MODES.includes(health)) throw refused(options, "health", `must be ${HEALTH_MODES.join(", ")}`);
  if (assertion !== undefined && !AUDIENCE.test(assertion.audience)) {
    throw refused(options, "assertion.audience", "must be 1 to 256 printable ASCII characters without spaces");
  }
  if ((tls?.certificatePath === undefined) !== (tls?.privateKeyPath === undefined)) {
    throw refused(options, "tls", "has a certificate without its key, or a key alone; give both");
  }
  if (tls?.serverName !== undefined && !SERVER_NAME.test(tls.serverName)) {
    throw refused(options, "tls.name", `is ${JSON.stringify(tls.serverName.slice(0, 80))}, no host name`);
  }
  const addresses = addressesOf(options);
  const resolved: ResolvedUpstream = {
    ...options,
    addresses,
    health,
    maxConcurrency: range("maxConcurrency", 100),
    callTimeoutMs: range("callTimeoutMs", Number.POSITIVE_INFINITY),
    deduplicates: options.deduplicates ?? false,
    trustLoopback: options.trustLoopback ?? false,
  };
  for (const address of addresses) checkTrust(resolved, address);
  return resolved;
}

function addressesOf(options: UpstreamOptions): readonly string[] {
  let addresses: readonly string[];
  try {
    addresses = parseAddresses(options.address).map(({ target }) => target);
  } catch (cause) {
    throw new SealwireError("OPTIONS_INVALID", `The upstream "${options.name}": ${(cause as Error).message}`, {
      cause,
    });
  }
  if (addresses.length > MOST_ADDRESSES) throw refused(options, "address", `has more than ${MOST_ADDRESSES} entries`);
  if (new Set(addresses).size < addresses.length) throw refused(options, "address", "contains an entry twice");
  return addresses;
}

/** Refuses an address at which another user could call the upstream, or take its place, without TLS or assertion. */
function checkTrust(options: ResolvedUpstream, address: string): void {
  const { tls, assertion, trustLoopback } = options;
  const path = unixPathOf(address);
  if (path !== undefined) {
    const fault = socketFolderFault(options, path);
    if (fault !== undefined) throw refused(options, "address", `${address} cannot be used: ${fault}`);
    return;
  }
  if (tls !== undefined) return;
  if (!isLoopback(address)) {
    throw refused(options, "address", `${address} is not on this machine and needs tls`);
  }
  if (assertion !== undefined || trustLoopback) return;
  throw refused(
    options,
    "address",
    `${address} can be called by every user of this machine; use a unix socket, an assertion, or set trust_loopback`,
  );
}

/**
 * Why a unix socket cannot be used: any user of this machine, or the group of its folder, could replace it. `undefined`
 * if it can, or if there is no folder yet.
 */
export function socketFolderFault(
  { trustLoopback }: Pick<ResolvedUpstream, "trustLoopback">,
  path: string,
): string | undefined {
  if (trustLoopback) return undefined;
  const folder = dirname(path);
  try {
    const status = statSync(folder, { throwIfNoEntry: false });
    if (status === undefined) return undefined;
    const fault =
      (status.mode & OTHERS_WRITE) === 0
        ? replaceableFolder(folder)
        : `other users can write to ${folder}, so chmod go-w it`;
    return fault && `${fault}, or set trust_loopback`;
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    return `${folder} cannot be examined (${code})`;
  }
}

function refused({ name }: Pick<UpstreamOptions, "name">, option: string, problem: string): SealwireError {
  return new SealwireError("OPTIONS_INVALID", `The ${option} of the upstream "${name}" ${problem}.`);
}
