import type { IncomingHttpHeaders } from "node:http";
import { isOwnHost, type OwnAddress } from "../server/listen/own-host.ts";

/** Values of Sec-Fetch-Site of the console's own pages, and of an address that a person has typed or opened. */
const OWN_SITES: ReadonlySet<string> = new Set(["same-origin", "none"]);

/**
 * Why a request comes from another place than the console's own pages; `undefined` if it does not. Programs that are no
 * browsers send neither Origin nor Sec-Fetch-Site. A page of another port of the same host is another place.
 */
export function foreignRequest(headers: IncomingHttpHeaders, address: OwnAddress): string | undefined {
  const { host, origin } = headers;
  if (!isOwnHost(host, address, { withPort: true })) return "Open the console by its own address: Host is another.";
  const scheme = address.certificate === undefined ? "http" : "https";
  if (origin !== undefined && origin.toLowerCase() !== `${scheme}://${host}`.toLowerCase()) {
    return "Origin is another: the console serves its own pages only.";
  }
  const site = headers["sec-fetch-site"];
  if (site !== undefined && !OWN_SITES.has(String(site))) {
    return "The request was caused by another site. Type the address of the console, or open it from a terminal.";
  }
  return undefined;
}
