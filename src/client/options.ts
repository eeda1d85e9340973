/* The file is long because it documents every option of a client. */

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
import { endpointOf, isLoopback } from "../wire/loopback.ts";
import { parseAddresses, type ServerAddress, type ServerName } from "../wire/server-address.ts";
import { type CredentialsSource, fixedCredentials } from "./credentials-source.ts";
import type { ToolPins } from "./pins/tool-pins.ts";
import { type HttpProxy, proxyFor } from "./transport/proxy.ts";

/** Retry options of a client. Each attempt has a new signature and the same request id. */
export interface RetryOptions {
  /**
   * Maximum number of attempts, 1 to 100. Attempts that certainly reached no server, and those refused with a retry
   * delay, do not count. Default 5; 1 disables retries.
   */
  readonly maxAttempts?: number;
  /**
   * Upper limit of the first delay, 1 to 86,400,000. It doubles with each attempt; each delay is random between 0 and
   * the limit. Default 200.
   */
  readonly initialDelayMs?: number;
  /** Maximum of the upper limit, 1 to 86,400,000. Default 5,000. */
  readonly maxDelayMs?: number;
  /**
   * How long a call retries while no connection can be established, 0 to 86,400,000, within its own time limit. Such
   * attempts have no effect on a server and are not counted, except with 0. Default: the time limit of the call.
   */
  readonly unreachableForMs?: number;
}

/** TLS options of a client. Certificates and keys are in PEM format. */
export interface ClientTls {
  /** Trusted certificate authorities. Default: those of Node.js. */
  readonly rootCertificates?: Buffer;
  /** The client's own key and certificate, for servers that require one. */
  readonly privateKey?: Buffer;
  readonly certificateChain?: Buffer;
  /** The name that the server's certificate must contain. Default: the host of the address. */
  readonly serverName?: string;
}

/** Options of a `SealwireClient`. */
export interface ClientOptions {
  /**
   * The client, the server and the keys: a parsed `client.json`, or a source of them, such as `fileCredentials`, which
   * follows a file that is replaced.
   */
  readonly credentials: ClientCredentials | CredentialsSource;
  /**
   * `host:port`, `unix:/path` or another gRPC target, or `dns:///host:port` for all servers behind a name. A list, or a
   * text with commas, gives several addresses, which must be replicas of one server. Default: the address in the
   * credentials.
   */
  readonly address?: string | readonly string[];
  /** Without it the connection is plaintext, which is allowed only for a loopback address or a unix socket. */
  readonly tls?: ClientTls;
  /**
   * Allows plaintext to another machine. Anyone on the network path can then read arguments and results. Default false.
   */
  readonly allowRemotePlaintext?: boolean;
  /**
   * The contracts of the tools: serialized FileDescriptorSets, from `buf build --as-file-descriptor-set`, or an image
   * that `readImage` created from them. Default: the descriptors in the server's signed `list_tools` answer.
   */
  readonly descriptors?: readonly Uint8Array[] | Image;
  /**
   * The accepted definitions of the server's tools, such as `filePins` keeps. A call of a tool whose definition is
   * another one throws TOOL_CHANGED with the difference, and the server refuses a call whose definition has changed since
   * the client last read it. System tools are part of the protocol and not checked. Default: every definition is accepted.
   */
  readonly pins?: ToolPins;
  /** Maximum time of a call with all its attempts, 1 to 86,400,000 ms. Default 60,000. */
  readonly timeoutMs?: number;
  readonly retry?: RetryOptions;
  /**
   * Whether calls to a server share one stream. A call on a stream takes less than half of the CPU time of a separate
   * request.
   *
   * - `"auto"`: calls that overlap or follow each other within a second share a stream, if the server confirms that the
   *   connection leads to no other server. All other calls are separate requests. Time limits, cancellation and
   *   `traceparent` work in both cases.
   * - `true`: all calls share the stream, also behind a load balancer. A server of version 0.1 then gets no time limits
   *   and cancellations; calls with a `traceparent` are sent to it as separate requests.
   * - `false`: each call is a separate request.
   *
   * Default "auto".
   */
  readonly pipeline?: boolean | "auto";
  /** Interval of the heartbeats that a watch requests, 100 to 60,000 ms. Default 15,000. */
  readonly heartbeatIntervalMs?: number;
  /**
   * How long a watch is resumed without a verified message, 0 to 86,400,000 ms. Applies once the server has confirmed
   * the watch's target. Default 300,000 ms.
   */
  readonly resumeForMs?: number;
  /**
   * With several servers: interval of the health checks of each server, and their time limit, 100 to 60,000 ms. Default
   * 5,000.
   */
  readonly healthIntervalMs?: number;
  /**
   * Idle time after which a connection with an open call is probed, 1,000 to 86,400,000 ms. Default 10,000. Servers in
   * other languages may close connections that are probed more often than every five minutes. Sealwire servers do not.
   */
  readonly keepaliveIntervalMs?: number;
  /**
   * Maximum time for the answer to a probe, and for the first answer on a new connection, 100 to 3,600,000 ms. Default
   * 8,000. After that the connection is closed. A silent peer is detected after `keepaliveIntervalMs` plus this time.
   */
  readonly keepaliveTimeoutMs?: number;
  /**
   * Environment variables with the proxy for TLS connections: `grpc_proxy`, `https_proxy` or `http_proxy`, and
   * `no_grpc_proxy` or `no_proxy`, in lower or upper case. Loopback addresses never use a proxy. Default: those of this
   * process. `{}` disables the proxy.
   */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Maximum size of a received message, 1,024 to 2,147,483,647 bytes. Default 4 MiB, the maximum size of a result. */
  readonly maxReceiveBytes?: number;
  /**
   * Makes a span of each call and watch for the OpenTelemetry provider that the process has registered, and sends its
   * trace context, unsigned. Without a provider nothing is made. Default true.
   */
  readonly tracing?: boolean;
  /** Logs retries at level debug. Default: no logger. */
  readonly logger?: Logger;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** {@link ClientTls}, checked and loaded. */
export interface ResolvedTls {
  readonly context: SecureContext;
  readonly serverName: string | undefined;
}

/** One address with its proxy. */
export type Route =
  | ServerName
  | {
      readonly kind: "target";
      readonly target: string;
      readonly proxy?: HttpProxy;
    };

/** {@link ClientOptions}, checked and with all defaults filled in. */
export interface ResolvedClientOptions {
  readonly credentials: CredentialsSource;
  readonly addresses: readonly Route[];
  readonly tls: ResolvedTls | undefined;
  readonly descriptors: Image | undefined;
  readonly pins: ToolPins | undefined;
  readonly timeoutMs: number;
  readonly retry: Required<RetryOptions>;
  readonly pipeline: boolean | "auto";
  readonly heartbeatIntervalMs: number;
  readonly resumeForMs: number;
  readonly healthIntervalMs: number;
  readonly keepaliveIntervalMs: number;
  readonly keepaliveTimeoutMs: number;
  readonly maxReceiveBytes: number;
  readonly tracing: boolean;
  /** The host of the address, for traces; `undefined` with several addresses. */
  readonly serverHost: string | undefined;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * Maximum time limit of a call. Servers store request ids for at least a day; after that, a retry might be executed a
 * second time.
 */
export const MAX_TIMEOUT_MS = 86_400_000;

/** Checks the options. Throws OPTIONS_INVALID naming the first invalid one. */
export function resolveClientOptions(options: ClientOptions): ResolvedClientOptions {
  const credentials = readSource(options.credentials);
  const addresses = parseAddresses(options.address ?? credentials.current().address);
  const remote = addresses.find(({ target }) => !isLoopback(target));
  if (options.tls === undefined && !options.allowRemotePlaintext && remote !== undefined) {
    throw new SealwireError(
      "OPTIONS_INVALID",
      `Without TLS the client connects to loopback addresses and unix sockets only, not to ${remote.target}; set tls, or set allowRemotePlaintext, which lets anyone on the network path read the traffic.`,
    );
  }
  const { environment = systemEnvironment } = options;
  const tls = options.tls && readTls(options.tls, environment);
  return {
    credentials,
    addresses: tls === undefined ? addresses : addresses.map((address) => route(address, environment)),
    tls,
    descriptors: readDescriptors(options.descriptors),
    pins: options.pins,
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
    tracing: options.tracing ?? true,
    serverHost: addresses.length === 1 ? hostOf(addresses[0]) : undefined,
    logger: options.logger ?? silentLogger,
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
  };
}

function hostOf(address: ServerAddress | undefined): string | undefined {
  return address && (address.kind === "name" ? address.host : endpointOf(address.target)?.host);
}

function readSource(given: ClientOptions["credentials"]): CredentialsSource {
  if (given instanceof Promise)
    throw new SealwireError("OPTIONS_INVALID", "credentials is a Promise; await it before it is given to the client.");
  return "current" in given ? given : fixedCredentials(given);
}

function readDescriptors(given: ClientOptions["descriptors"]): Image | undefined {
  return given === undefined || "registry" in given ? given : imageWith(given);
}

/** Adds the proxy to an address. Not used for plaintext, which is meant for this machine only. */
function route(address: ServerAddress, environment: Environment): Route {
  // The user's own name server resolves names of servers that are reached without the proxy.
  if (address.kind === "name" && address.nameServer !== undefined) return address;
  // The proxy resolves the name, because this machine may not be able to.
  const target = address.kind === "name" ? `dns:${address.host}:${address.port}` : address.target;
  const proxy = proxyFor(target, environment);
  return proxy === undefined ? address : { kind: "target", target, proxy };
}

/**
 * Loads certificates and keys. The default of the certificate authorities is the environment variable of grpc-js.
 * Throws OPTIONS_INVALID for data that OpenSSL cannot read.
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
    // A secure context ignores authorities that are not certificates.
    const ca = rootCertificates ?? (rootsPath ? readFileSync(rootsPath) : undefined);
    if (ca !== undefined) new X509Certificate(ca);
    const context = createSecureContext({ ca, key: privateKey, cert: certificateChain, ciphers });
    return { context, serverName };
  } catch (thrown) {
    const { message } = thrown as Error;
    throw new SealwireError("OPTIONS_INVALID", `The certificates or the key in tls cannot be read: ${message}.`);
  }
}

/** Checks the time limit of a call. Throws OPTIONS_INVALID. */
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

/** Checks a time in milliseconds. */
function checkTime(name: string, value: number, least: number, most = MAX_TIMEOUT_MS): number {
  return checkNumber(name, value, { least, most, fraction: true });
}

/** Checks `afterRevision`. Throws OPTIONS_INVALID. */
export function checkRevision(afterRevision: number): number {
  return checkNumber("afterRevision", afterRevision, { least: 0, most: Number.MAX_SAFE_INTEGER });
}
