import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureContext, type SecureContext } from "node:tls";
import { SealwireError } from "../errors.ts";
import { type Clock, systemClock } from "../runtime/clock.ts";
import { type Environment, systemEnvironment } from "../runtime/environment.ts";
import { type Logger, silentLogger } from "../runtime/logger.ts";
import { checkNumber } from "../runtime/number-range.ts";
import { type Random, systemRandom } from "../runtime/random.ts";
import type { ClientCredentials } from "../signing/key-ring/credentials.ts";
import { type Image, imageWith } from "../wire/descriptors.ts";
import { MAX_RESPONSE_BYTES } from "../wire/limits.ts";
import { parseAddresses, type ServerAddress, type ServerName } from "../wire/server-address.ts";
import { isLoopback } from "./transport/loopback.ts";
import { type HttpProxy, proxyFor } from "./transport/proxy.ts";

/** How the client tries again. Every attempt is signed anew and keeps its request id. */
export interface RetryOptions {
  /**
   * Attempts that may have reached a server and were not told how long to wait. 1 to 100, default 5; 1 switches retries
   * off.
   */
  readonly maxAttempts?: number;
  /** Upper end of the first wait, 1 to 86,400,000; doubles from then on, each wait is drawn from 0 up to it. Default 200. */
  readonly initialDelayMs?: number;
  /** Upper end of the longest wait, 1 to 86,400,000. Default 5,000. */
  readonly maxDelayMs?: number;
  /**
   * How long a call keeps trying while no connection can be made, 0 to 86,400,000; it has no more time than its own.
   * Such attempts do nothing at a server and are not counted; with 0 they are. Default: as long as the call has.
   */
  readonly unreachableForMs?: number;
}

/** How to reach a server by TLS; certificates and keys in PEM. */
export interface ClientTls {
  /** Authorities to trust. Default: those that Node trusts. */
  readonly rootCertificates?: Buffer;
  /** The client's own key and certificate, for servers that ask for one. */
  readonly privateKey?: Buffer;
  readonly certificateChain?: Buffer;
  /** The name that the server's certificate must hold. Default: the host of the address. */
  readonly serverName?: string;
}

/** What a {@link SealwireClient} is made of. */
export interface ClientOptions {
  /** Who calls, whom, and with which keys: a parsed `client.json`. */
  readonly credentials: ClientCredentials;
  /**
   * `host:port`, `unix:/path` or another gRPC target; `dns:///host:port` for every server behind a name; or several of
   * these, as a list or separated by commas, which must lead to replicas of one server. Default: the address in the
   * credentials.
   */
  readonly address?: string | readonly string[];
  /** Without it the connection is plaintext, which only a loopback address or a unix socket may be. */
  readonly tls?: ClientTls;
  /** Allows plaintext to another machine: everyone on the way can read arguments and results. Default false. */
  readonly allowRemotePlaintext?: boolean;
  /**
   * The contracts of the tools to call: serialized FileDescriptorSets, from `buf build --as-file-descriptor-set`, or what
   * `readImage` made of them. Default: what the server's signed `list_tools` answer holds.
   */
  readonly descriptors?: readonly Uint8Array[] | Image;
  /** How long a call may take with all its attempts, 1 to 86,400,000 ms. Default 60,000. */
  readonly timeoutMs?: number;
  readonly retry?: RetryOptions;
  /**
   * Whether calls to a server share one stream, which takes less than half of the CPU time of a request each.
   *
   * - `"auto"`: calls do that overlap or follow each other within a second, if the server confirms that the connection
   *   leads to it alone. All other calls are a request each. Time limits, cancellation and `traceparent` hold either way.
   * - `true`: every call goes over the stream, behind a balancer too. A server of version 0.1 does not hear of a time limit
   *   or a cancellation then; calls with a `traceparent` are sent to it as a request each.
   * - `false`: every call is a request.
   *
   * Default "auto".
   */
  readonly pipeline?: boolean | "auto";
  /** How often a watch asks for a sign of life, 100 to 60,000 ms. Default 15,000. */
  readonly heartbeatIntervalMs?: number;
  /** How long a watch of a job that the server was heard of keeps trying without a verified message, 0 to 86,400,000 ms. Default 300,000 ms. */
  readonly resumeForMs?: number;
  /**
   * With several servers: how often each is asked for its health, and how long it may take to answer, 100 to 60,000 ms.
   * Default 5,000.
   */
  readonly healthIntervalMs?: number;
  /**
   * How long a connection with an open call may be silent before it is probed, 1,000 to 86,400,000 ms. Default 10,000.
   * Servers in other languages may take probes that come more often than every five minutes for an abuse; ours do not.
   */
  readonly keepaliveIntervalMs?: number;
  /**
   * How long the answer to a probe may take, and the first answer on a new connection, 100 to 3,600,000 ms. Default
   * 8,000. Then the connection is given up: a peer that fell silent is noticed after the two together.
   */
  readonly keepaliveTimeoutMs?: number;
  /**
   * Environment variables that name a proxy for connections by TLS: `grpc_proxy`, `https_proxy` or `http_proxy`, and
   * `no_grpc_proxy` or `no_proxy`, in lower or upper case. Loopback is always reached directly. Default: those of this
   * process; `{}` for no proxy.
   */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Largest message to receive, 1,024 to 2,147,483,647 bytes. Default 4 MiB, which every result fits in. */
  readonly maxReceiveBytes?: number;
  /** Told of retries, at level debug. Default: nobody. */
  readonly logger?: Logger;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** {@link ClientTls} read. */
export interface ResolvedTls {
  readonly context: SecureContext;
  readonly serverName: string | undefined;
}

/** One address, and what leads to it. */
export type Route =
  | ServerName
  | {
      readonly kind: "target";
      readonly target: string;
      readonly proxy?: HttpProxy;
    };

/** {@link ClientOptions} checked, with every default filled in. */
export interface ResolvedClientOptions {
  readonly credentials: ClientCredentials;
  readonly addresses: readonly Route[];
  readonly tls: ResolvedTls | undefined;
  readonly descriptors: Image | undefined;
  readonly timeoutMs: number;
  readonly retry: Required<RetryOptions>;
  readonly pipeline: boolean | "auto";
  readonly heartbeatIntervalMs: number;
  readonly resumeForMs: number;
  readonly healthIntervalMs: number;
  readonly keepaliveIntervalMs: number;
  readonly keepaliveTimeoutMs: number;
  readonly maxReceiveBytes: number;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * The most time that a call may get: servers remember request ids no longer than a day for sure, and a retry after that
 * might be done twice.
 */
export const MAX_TIMEOUT_MS = 86_400_000;

/** Checks the options once. Throws OPTIONS_INVALID naming the first that is not acceptable. */
export function resolveClientOptions(options: ClientOptions): ResolvedClientOptions {
  const addresses = parseAddresses(options.address ?? options.credentials.address);
  const remote = addresses.find(({ target }) => !isLoopback(target));
  if (options.tls === undefined && !options.allowRemotePlaintext && remote !== undefined) {
    throw new SealwireError(
      "OPTIONS_INVALID",
      `Without TLS the client speaks to loopback addresses and unix sockets only, not to ${remote.target}; set tls, or allowRemotePlaintext to let everyone on the way read along.`,
    );
  }
  const { environment = systemEnvironment } = options;
  const tls = options.tls && readTls(options.tls, environment);
  return {
    credentials: options.credentials,
    addresses: tls === undefined ? addresses : addresses.map((address) => route(address, environment)),
    tls,
    descriptors: readDescriptors(options.descriptors),
    timeoutMs: checkTimeoutMs(options.timeoutMs ?? 60_000),
    retry: {
      maxAttempts: checkNumber("retry.maxAttempts", options.retry?.maxAttempts ?? 5, { least: 1, most: 100 }),
      initialDelayMs: checkTime("retry.initialDelayMs", options.retry?.initialDelayMs ?? 200, 1),
      maxDelayMs: checkTime("retry.maxDelayMs", options.retry?.maxDelayMs ?? 5_000, 1),
      unreachableForMs: checkTime("retry.unreachableForMs", options.retry?.unreachableForMs ?? MAX_TIMEOUT_MS, 0),
    },
    pipeline: checkPipeline(options.pipeline ?? "auto"),
    heartbeatIntervalMs: checkNumber("heartbeatIntervalMs", options.heartbeatIntervalMs ?? 15_000, {
      least: 100,
      most: 60_000,
    }),
    resumeForMs: checkTime("resumeForMs", options.resumeForMs ?? 300_000, 0),
    healthIntervalMs: checkTime("healthIntervalMs", options.healthIntervalMs ?? 5_000, 100, 60_000),
    keepaliveIntervalMs: checkTime("keepaliveIntervalMs", options.keepaliveIntervalMs ?? 10_000, 1_000),
    keepaliveTimeoutMs: checkTime("keepaliveTimeoutMs", options.keepaliveTimeoutMs ?? 8_000, 100, 3_600_000),
    maxReceiveBytes: checkNumber("maxReceiveBytes", options.maxReceiveBytes ?? MAX_RESPONSE_BYTES, {
      least: 1024,
      most: 2 ** 31 - 1,
    }),
    logger: options.logger ?? silentLogger,
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
  };
}

function readDescriptors(given: ClientOptions["descriptors"]): Image | undefined {
  return given === undefined || "registry" in given ? given : imageWith(given);
}

/** Plaintext is meant for this machine alone, so it takes no detour that an environment variable names. */
function route(address: ServerAddress, environment: Environment): Route {
  // A name server that the user names knows servers that are reached without the proxy.
  if (address.kind === "name" && address.nameServer !== undefined) return address;
  // A proxy looks a name up itself; the machine behind it may not be able to.
  const target = address.kind === "name" ? `dns:${address.host}:${address.port}` : address.target;
  const proxy = proxyFor(target, environment);
  return proxy === undefined ? address : { kind: "target", target, proxy };
}

/**
 * Without authorities given, those count that grpc-js takes from its environment variable. Throws OPTIONS_INVALID for what
 * OpenSSL cannot read.
 */
function readTls(tls: ClientTls, environment: Environment): ResolvedTls {
  const { rootCertificates, privateKey, certificateChain, serverName } = tls;
  const { GRPC_DEFAULT_SSL_ROOTS_FILE_PATH: rootsPath, GRPC_SSL_CIPHER_SUITES: ciphers } = environment;
  if ((privateKey === undefined) !== (certificateChain === undefined)) {
    throw new SealwireError(
      "OPTIONS_INVALID",
      "tls.privateKey and tls.certificateChain belong together; give both or none.",
    );
  }
  try {
    // A secure context passes over authorities that are no certificates.
    const ca = rootCertificates ?? (rootsPath ? readFileSync(rootsPath) : undefined);
    if (ca !== undefined) new X509Certificate(ca);
    const context = createSecureContext({ ca, key: privateKey, cert: certificateChain, ciphers });
    return { context, serverName };
  } catch (thrown) {
    const { message } = thrown as Error;
    throw new SealwireError("OPTIONS_INVALID", `The certificates or the key in tls cannot be read: ${message}.`);
  }
}

/** Checks the time that a call gets. Throws OPTIONS_INVALID. */
export function checkTimeoutMs(timeoutMs: number): number {
  return checkTime("timeoutMs", timeoutMs, 1);
}

function checkPipeline(pipeline: boolean | "auto"): boolean | "auto" {
  if (typeof pipeline === "boolean" || pipeline === "auto") return pipeline;
  throw new SealwireError(
    "OPTIONS_INVALID",
    `pipeline is ${JSON.stringify(pipeline)}; it must be true, false or "auto".`,
  );
}

/** A time in milliseconds. */
function checkTime(name: string, value: number, least: number, most = MAX_TIMEOUT_MS): number {
  return checkNumber(name, value, { least, most, fraction: true });
}

/** Checks the revision of a job that the caller knows. Throws OPTIONS_INVALID. */
export function checkRevision(afterRevision: number): number {
  return checkNumber("afterRevision", afterRevision, { least: 0, most: Number.MAX_SAFE_INTEGER });
}
