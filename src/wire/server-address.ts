import { isIP, isIPv6 } from "node:net";
import { SealwireError } from "../errors.ts";

/** One entry of a server address. */
export type ServerAddress =
  /** One server: a gRPC target, passed on unchanged. */
  | { readonly kind: "target"; readonly target: string }
  /** A DNS name, each of whose addresses is a server. */
  | ServerName;

/** A DNS name that resolves to several servers, written `dns:///HOST:PORT`. */
export interface ServerName {
  readonly kind: "name";
  readonly target: string;
  readonly host: string;
  readonly port: number;
  /** `HOST[:PORT]` of the name server to query; `undefined`: the system's resolver. */
  readonly nameServer: string | undefined;
}

/** The port of a gRPC target without one. */
export const DEFAULT_PORT = 443;
const PORT_MOST = 65_535;
const LENGTH_MOST = 1024;

/** Line breaks and other control characters, which no address contains. */
const CONTROL = /[\p{Cc}\p{Cf}\u2028\u2029]/u;
const UNIX = /^unix:(?:\/\/\/|(?!\/\/))./;
const DNS = /^dns:(?:\/\/([^/]*)\/)?(.*)$/;
const HOST_PORT = /^(?:\[([0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|([^\s:/[\]]+))(?::(\d{1,5}))?$/;
const URL_FORM = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/]/;
/** The other schemes of grpc-js, and, with slashes, schemes that a program may have registered with it. */
const OTHER_SCHEME = /^(?:ipv[46]:\S+|(?!(?:https?|dns|unix):)[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/\s]*\/\S+)$/;

/**
 * Parses one or more addresses, either separated by commas in a text or as a list. Throws OPTIONS_INVALID for an empty
 * or invalid address.
 */
export function parseAddresses(address: string | readonly string[]): readonly ServerAddress[] {
  const targets = typeof address === "string" ? address.split(",").map((each) => each.trim()) : address;
  if (targets.length === 0 || targets.includes("")) {
    const what = targets.length > 1 ? `An address in "${targets.join(",")}" is empty` : "The address is empty";
    throw new SealwireError("OPTIONS_INVALID", `${what}; give HOST:PORT, unix:/path or dns:///HOST:PORT.`);
  }
  return targets.map(parseAddress);
}

/** The path of a unix socket's address; `undefined` for other addresses. */
export function unixPathOf(target: string): string | undefined {
  return /^unix:(?:\/\/(?=\/))?(.+)$/s.exec(target)?.[1];
}

function parseAddress(target: string): ServerAddress {
  if (CONTROL.test(target)) throw refused(target, "contains a line break or another control character");
  if (target.length > LENGTH_MOST) throw refused(target, `is longer than ${LENGTH_MOST} characters`);
  if (UNIX.test(target) || OTHER_SCHEME.test(target) || isIPv6(target)) return { kind: "target", target };
  const [, nameServer, rest = target] = DNS.exec(target) ?? [];
  const isDns = rest !== target;
  const [, ip, name, port] = HOST_PORT.exec(rest) ?? [];
  const host = ip ?? name;
  if (host === undefined) {
    if (URL_FORM.test(target)) throw refused(target, "is a URL");
    if (isDns && isIPv6(rest)) return { kind: "target", target };
    throw refused(target, "is none");
  }
  if (Number(port ?? 1) > PORT_MOST || Number(port ?? 1) < 1) throw refused(target, "has a port outside 1 to 65535");
  if (!isDns || isIP(host) !== 0) return { kind: "target", target };
  return {
    kind: "name",
    target,
    host,
    port: port === undefined ? DEFAULT_PORT : Number(port),
    nameServer: nameServer || undefined,
  };
}

function refused(target: string, problem: string): SealwireError {
  const short = JSON.stringify(target.length > 80 ? `${target.slice(0, 80)}…` : target);
  const shown = short.replaceAll(/[\p{Cf}\u2028\u2029]/gu, (each) => `\\u{${each.codePointAt(0)?.toString(16)}}`);
  return new SealwireError(
    "OPTIONS_INVALID",
    `The address ${shown} ${problem}; give HOST:PORT, unix:/path or dns:///HOST:PORT.`,
  );
}
