import { isIPv6 } from "node:net";
import { isLoopbackHost } from "../runtime/loopback-host.ts";
import { DEFAULT_PORT } from "./server-address.ts";

/** True if the traffic to a gRPC target does not leave this machine: a loopback host or a unix socket. */
export function isLoopback(target: string): boolean {
  if (/^unix(-abstract)?:/.test(target)) return true;
  return isLoopbackHost(endpointOf(target)?.host ?? "");
}

/**
 * The host and port of a gRPC target; `undefined` for a unix socket, several addresses, a name with its own name
 * server, even for "localhost", and other schemes.
 */
export function endpointOf(target: string): { readonly host: string; readonly port: number } | undefined {
  const path = target.replace(/^(dns:(\/\/\/)?|ipv4:|ipv6:)/, "");
  if (isIPv6(path)) return { host: path, port: DEFAULT_PORT };
  const [, bracketed, plain, port] = /^(?:\[([^\]]*)\]|([^:/,]+))(?::(\d+))?$/.exec(path) ?? [];
  const host = bracketed ?? plain;
  return host === undefined ? undefined : { host, port: port === undefined ? DEFAULT_PORT : Number(port) };
}
