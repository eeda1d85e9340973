import { SealwireError } from "../../errors.ts";
import { isLoopbackHost } from "../../runtime/loopback-host.ts";

/** The address of a server: a TCP host and port, or a unix socket. */
export type ListenAddress =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

/** Parses "HOST:PORT", "[IPv6]:PORT" or "unix:PATH". Port 0 selects a free port. Throws OPTIONS_INVALID. */
export function parseListenAddress(text: string): ListenAddress {
  if (text.startsWith("unix:")) {
    const path = text.slice("unix:".length);
    if (path !== "" && !/\p{Cc}/u.test(path)) return { kind: "unix", path };
  }
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port > 65_535) {
    throw new SealwireError(
      "OPTIONS_INVALID",
      `"${text}" is not an address; write HOST:PORT, [IPV6]:PORT or unix:PATH.`,
    );
  }
  return { kind: "tcp", host, port };
}

/** True if the address can be reached only from this machine. */
export function isLocal(address: ListenAddress): boolean {
  return address.kind === "unix" || isLoopbackHost(address.host);
}

/** Formats the address as clients accept it. */
export function formatAddress(address: ListenAddress): string {
  if (address.kind === "unix") return `unix:${address.path}`;
  return address.host.includes(":") ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}
