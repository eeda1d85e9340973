import { isIP } from "node:net";
import { SealwireError } from "../errors.ts";

/** One entry of what a user gave as address. */
export type ServerAddress =
  /** One server: a gRPC target as it stands. */
  | { readonly kind: "target"; readonly target: string }
  /** A DNS name, each of whose addresses is a server. */
  | ServerName;

/** A DNS name for all the servers behind it, written `dns:///HOST:PORT`. */
export interface ServerName {
  readonly kind: "name";
  readonly target: string;
  readonly host: string;
  readonly port: number;
  /** `HOST[:PORT]` of the name server to ask; `undefined`: the machine's own resolver. */
  readonly nameServer: string | undefined;
}

/** The port of a gRPC target that names none. */
const DEFAULT_PORT = 443;

/**
 * Reads an address, or several: separated by commas in a text, one each in a list. Throws OPTIONS_INVALID for an
 * empty one.
 */
export function parseAddresses(address: string | readonly string[]): readonly ServerAddress[] {
  const targets = typeof address === "string" ? address.split(",").map((each) => each.trim()) : address;
  if (targets.length === 0 || targets.includes("")) {
    const what = targets.length > 1 ? `An address in "${targets.join(",")}" is empty` : "The address is empty";
    throw new SealwireError("OPTIONS_INVALID", `${what}; give HOST:PORT, unix:/path or dns:///HOST:PORT.`);
  }
  return targets.map(parseAddress);
}

function parseAddress(target: string): ServerAddress {
  const [, nameServer, rest = ""] = /^dns:(?:\/\/([^/]*)\/)?(.*)$/.exec(target) ?? [];
  const [, bare, host = bare, port] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d{1,5}))?$/.exec(rest) ?? [];
  if (host === undefined || host === "" || isIP(host) !== 0) return { kind: "target", target };
  return {
    kind: "name",
    target,
    host,
    port: port === undefined ? DEFAULT_PORT : Number(port),
    nameServer: nameServer || undefined,
  };
}
