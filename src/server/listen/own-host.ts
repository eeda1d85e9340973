import type { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { isLoopbackHost } from "../../runtime/loopback-host.ts";

/** Where an HTTP server listens. */
export interface OwnAddress {
  readonly port: number;
  /** The certificate, whose names are those of the server; `undefined` without TLS, which is on loopback only. */
  readonly certificate: X509Certificate | undefined;
}

/**
 * True for a host, with or without its port, that names the server: one of loopback, or of its certificate. A page can
 * make its own host name resolve to this machine, and then sends that name. With `withPort`, the port must be the
 * server's; one that is left out is that of the scheme.
 */
export function isOwnHost(
  authority: string | undefined,
  { certificate, port: own }: OwnAddress,
  { withPort }: { readonly withPort: boolean },
): boolean {
  const [, v6, name, port] = /^(?:\[([0-9a-f:]+)\]|([^:[\]]+))(?::(\d+))?$/i.exec(authority ?? "") ?? [];
  const host = (v6 ?? name ?? "").toLowerCase();
  if (host === "") return false;
  if (withPort && Number(port ?? (certificate === undefined ? 80 : 443)) !== own) return false;
  if (isLoopbackHost(host)) return true;
  if (certificate === undefined) return false;
  return (isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host)) !== undefined;
}
