import { isIPv4 } from "node:net";

/** True for a host name or address, without brackets, that always means this machine. Resolves nothing. */
export function isLoopbackHost(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIPv4(host) && host.startsWith("127."));
}
