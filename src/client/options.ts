import { SealwireError } from "../errors.ts";
import { type Clock, systemClock } from "../runtime/clock.ts";
import { type Logger, silentLogger } from "../runtime/logger.ts";
import { checkNumber } from "../runtime/number-range.ts";
import { type Random, systemRandom } from "../runtime/random.ts";
import type { ClientCredentials } from "../signing/key-ring/credentials.ts";
import type { Image } from "../wire/descriptors.ts";
import { MAX_RESPONSE_BYTES } from "../wire/limits.ts";
import { parseAddresses, type ServerAddress } from "../wire/server-address.ts";
import { isLoopback } from "./loopback.ts";

/** How the client tries again. Every attempt is signed anew and keeps its request id. */
export interface RetryOptions {
  /** Attempts in all, while nothing verified tells how long to wait. 1 to 100, default 5; 1 switches retries off. */
  readonly maxAttempts?: number;
  /** Upper end of the first wait, 1 to 86,400,000; doubles from then on, each wait is drawn from 0 up to it. Default 200. */
  readonly initialDelayMs?: number;
  /** Upper end of the longest wait, 1 to 86,400,000. Default 5,000. */
  readonly maxDelayMs?: number;
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
  /** The contracts of the tools to call. Default: what the server's signed `list_tools` answer holds. */
  readonly descriptors?: Image;
  /** How long a call may take with all its attempts, 1 to 86,400,000 ms. Default 60,000. */
  readonly timeoutMs?: number;
  readonly retry?: RetryOptions;
  /**
   * Sends calls over one stream instead of a request each, which is several times cheaper for client and server. An
   * aborted call then goes on at the server, and a call with a `traceparent` is sent by itself. Default false.
   */
  readonly pipeline?: boolean;
  /** How often a watch asks for a sign of life, 100 to 60,000 ms. Default 15,000. */
  readonly heartbeatIntervalMs?: number;
  /** How long a watch of a job that the server was heard of keeps trying without a verified message, 0 to 86,400,000 ms. Default 300,000 ms. */
  readonly resumeForMs?: number;
  /**
   * With several servers: how often each is asked for its health, and how long it may take to answer, 100 to 60,000 ms.
   * Default 5,000.
   */
  readonly healthIntervalMs?: number;
  /** Largest message to receive, 1,024 to 2,147,483,647 bytes. Default 4 MiB, which every result fits in. */
  readonly maxReceiveBytes?: number;
  /** Told of retries, at level debug. Default: nobody. */
  readonly logger?: Logger;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** {@link ClientOptions} checked, with every default filled in. */
export interface ResolvedClientOptions {
  readonly credentials: ClientCredentials;
  readonly addresses: readonly ServerAddress[];
  readonly tls: ClientTls | undefined;
  readonly descriptors: Image | undefined;
  readonly timeoutMs: number;
  readonly retry: Required<RetryOptions>;
  readonly pipeline: boolean;
  readonly heartbeatIntervalMs: number;
  readonly resumeForMs: number;
  readonly healthIntervalMs: number;
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
  return {
    credentials: options.credentials,
    addresses,
    tls: options.tls,
    descriptors: options.descriptors,
    timeoutMs: checkTimeoutMs(options.timeoutMs ?? 60_000),
    retry: {
      maxAttempts: checkNumber("retry.maxAttempts", options.retry?.maxAttempts ?? 5, { least: 1, most: 100 }),
      initialDelayMs: checkTime("retry.initialDelayMs", options.retry?.initialDelayMs ?? 200, 1),
      maxDelayMs: checkTime("retry.maxDelayMs", options.retry?.maxDelayMs ?? 5_000, 1),
    },
    pipeline: options.pipeline ?? false,
    heartbeatIntervalMs: checkNumber("heartbeatIntervalMs", options.heartbeatIntervalMs ?? 15_000, {
      least: 100,
      most: 60_000,
    }),
    resumeForMs: checkTime("resumeForMs", options.resumeForMs ?? 300_000, 0),
    healthIntervalMs: checkTime("healthIntervalMs", options.healthIntervalMs ?? 5_000, 100, 60_000),
    maxReceiveBytes: checkNumber("maxReceiveBytes", options.maxReceiveBytes ?? MAX_RESPONSE_BYTES, {
      least: 1024,
      most: 2 ** 31 - 1,
    }),
    logger: options.logger ?? silentLogger,
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
  };
}

/** Checks the time that a call gets. Throws OPTIONS_INVALID. */
export function checkTimeoutMs(timeoutMs: number): number {
  return checkTime("timeoutMs", timeoutMs, 1);
}

/** A time in milliseconds. */
function checkTime(name: string, value: number, least: number, most = MAX_TIMEOUT_MS): number {
  return checkNumber(name, value, { least, most, fraction: true });
}

/** Checks the revision of a job that the caller knows. Throws OPTIONS_INVALID. */
export function checkRevision(afterRevision: number): number {
  return checkNumber("afterRevision", afterRevision, { least: 0, most: Number.MAX_SAFE_INTEGER });
}
