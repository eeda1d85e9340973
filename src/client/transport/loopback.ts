import { isIPv6 } from "node:net";
import { isLoopbackHost } from "../../runtime/loopback-host.ts";
import { DEFAULT_PORT } from "../../wire/server-address.ts";

/** True if nobody but this machine can read along on the way to a gRPC target: a loopback host or a unix socket. */
export function isLoopback(target: string): boolean {
  if (/^unix(-abstract)?:/.test(target)) return true;
  return isLoopbackHost(endpointOf(target)?.host ?? "");
}

/**
 * The host and port that a gRPC target leads to; `undefined` where that is for somebody else to say: of a unix socket, of
 * several addresses, of a name that a name server of its own resolves, "localhost" too, and of other schemes.
 */
export function endpointOf(target: string): { readonly host: string; readonly port: number } | undefined {
  const path = target.replace(/^(dns:(\/\/\/)?|ipv4:|ipv6:)/, "");
  if (isIPv6(path)) return { host: path, port: DEFAULT_PORT };
  const [, bracketed, plain, port] = /^(?:\[([^\]]*)\]|([^:/,]+))(?::(\d+))?$/.exec(path) ?? [];
  const host = bracketed ?? plain;
  return host === undefined ? undefined : { host, port: port === undefined ? DEFAULT_PORT : Number(port) };
}
