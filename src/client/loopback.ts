import { isLoopbackHost } from "../runtime/loopback-host.ts";

/** True if nobody but this machine can read along on the way to a gRPC target: a loopback host or a unix socket. */
export function isLoopback(address: string): boolean {
  if (/^unix(-abstract)?:/.test(address)) return true;
  // A target that names a name server is another's to resolve, "localhost" too.
  return isLoopbackHost(hostOf(address.replace(/^(dns:(\/\/\/)?|ipv4:|ipv6:)/, "")));
}

/** The host of `host:port`, `[v6]:port`, `host` or a bare IPv6 address. */
function hostOf(target: string): string {
  const bracketed = /^\[([^\]]*)\](:\d+)?$/.exec(target);
  if (bracketed?.[1] !== undefined) return bracketed[1];
  const parts = target.split(":");
  return parts.length > 2 ? target : (parts[0] ?? "");
}
