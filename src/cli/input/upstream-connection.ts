import { SealwireError } from "../../errors.ts";
import { systemClock } from "../../runtime/clock.ts";
import { securityOf } from "../../upstream/channel-security.ts";
import { type ReflectedContract, reflectContract } from "../../upstream/reflected-contract.ts";
import { parseAddresses } from "../../wire/server-address.ts";

/** Options of the commands that read the contract of a gRPC server. */
export interface UpstreamConnection {
  readonly service?: readonly string[];
  readonly tls?: boolean;
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsServerName?: string;
  readonly timeout?: number;
}

const DEFAULT_TIMEOUT_MS = 10_000;

/** Reads the contract of a gRPC server by reflection. Throws OPTIONS_INVALID, UNREACHABLE. */
export async function askContract(given: string, options: UpstreamConnection): Promise<ReflectedContract> {
  const { service, tls, tlsCa, tlsCert, tlsKey, tlsServerName, timeout = DEFAULT_TIMEOUT_MS } = options;
  const files = {
    ...(tlsCa !== undefined && { caPath: tlsCa }),
    ...(tlsCert !== undefined && { certificatePath: tlsCert }),
    ...(tlsKey !== undefined && { privateKeyPath: tlsKey }),
    ...(tlsServerName !== undefined && { serverName: tlsServerName }),
  };
  const usesTls = tls === true || Object.keys(files).length > 0;
  const [first, ...more] = parseAddresses(given);
  if (more.length > 0)
    throw new SealwireError("OPTIONS_INVALID", `"${given}" has several addresses; give one of them.`);
  const address = first?.target ?? given;
  return await reflectContract({
    address,
    security: securityOf({ name: given, ...(usesTls && { tls: files }) }),
    services: service,
    deadlineMs: systemClock.nowMs() + timeout,
  });
}
