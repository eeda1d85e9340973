import type { SealwireClient } from "../client/client.ts";
import { SealwireError } from "../errors.ts";
import { type Clock, systemClock } from "../runtime/clock.ts";
import { type Logger, silentLogger } from "../runtime/logger.ts";
import { checkNumber } from "../runtime/number-range.ts";
import { type Random, systemRandom } from "../runtime/random.ts";
import { formatAddress, isLocal, type ListenAddress, parseListenAddress } from "../server/listen/address.ts";
import { DEFAULT_SERVER_LIMITS } from "../server/server-limits.ts";

/** Options of `createProxy`. */
export interface ProxyOptions {
  /** Signs, sends and verifies. It must not use pipelines. Not disposed with the proxy. */
  readonly client: SealwireClient;
  /** "unix:PATH", or "HOST:PORT" on loopback. Port 0 selects a free port. */
  readonly listen: string;
  /** Callers send it as `authorization: Bearer TOKEN`. Default: none. */
  readonly token?: string | undefined;
  /** Allows a TCP port without a token: every user of this machine can then call with the client's key. Default false. */
  readonly allowAllLocalUsers?: boolean;
  /** Maximum time until a call is answered or its job accepted, in milliseconds. Default 60,000. */
  readonly timeoutMs?: number;
  readonly limits?: Partial<ProxyLimits>;
  readonly logger?: Logger;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** Limits of a proxy. */
export interface ProxyLimits {
  /** Maximum number of open connections. Default 1,000. */
  readonly connectionsMax: number;
  /** Maximum number of calls in flight, those included that wait for a job. Default 1,000. */
  readonly callsMax: number;
  /** Maximum time until a connection speaks HTTP/2, in milliseconds. Default 10 s. */
  readonly handshakeTimeoutMs: number;
  /** Maximum time in which a request must arrive, in milliseconds. Default 10 s. */
  readonly requestTimeoutMs: number;
}

/** {@link ProxyOptions}, checked and with all defaults filled in. */
export interface ResolvedProxyOptions extends Required<Omit<ProxyOptions, "listen" | "token" | "limits">> {
  readonly address: ListenAddress;
  readonly token: string | undefined;
  readonly limits: ProxyLimits;
}

const { connectionsMax, handshakeTimeoutMs, requestTimeoutMs } = DEFAULT_SERVER_LIMITS;
const DEFAULT_LIMITS: ProxyLimits = { connectionsMax, callsMax: 1000, handshakeTimeoutMs, requestTimeoutMs };

/** Checks the options. Throws OPTIONS_INVALID naming the invalid one. */
export function resolveProxyOptions(options: ProxyOptions): ResolvedProxyOptions {
  const { client, token, allowAllLocalUsers = false, timeoutMs = 60_000 } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  checkNumber("timeoutMs", timeoutMs, { least: 1, most: 86_400_000, fraction: true });
  return {
    client,
    address: checkPlace(options),
    token,
    allowAllLocalUsers,
    timeoutMs,
    limits,
    logger: options.logger ?? silentLogger,
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
  };
}

/** Checks where a proxy listens and who may call it. Throws OPTIONS_INVALID. */
export function checkPlace({
  listen,
  token,
  allowAllLocalUsers = false,
}: Pick<ProxyOptions, "listen" | "token" | "allowAllLocalUsers">): ListenAddress {
  const address = parseListenAddress(listen);
  if (!isLocal(address)) {
    throw new SealwireError(
      "OPTIONS_INVALID",
      `A proxy lends its key to whoever reaches it, so it listens on this machine only, not on ${formatAddress(address)}; give a unix socket or 127.0.0.1:PORT.`,
    );
  }
  if (token !== undefined && allowAllLocalUsers) {
    throw new SealwireError(
      "OPTIONS_INVALID",
      "Either callers need a token or all local users may call; give one of both.",
    );
  }
  if (address.kind === "tcp" && token === undefined && !allowAllLocalUsers) {
    throw new SealwireError(
      "OPTIONS_INVALID",
      `Every user of this machine can reach ${formatAddress(address)}, and would call with this key; give --token-file FILE, or a unix socket, or --allow-all-local-users.`,
    );
  }
  return address;
}
