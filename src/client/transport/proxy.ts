import { BlockList, isIP } from "node:net";
import { SealwireError } from "../../errors.ts";
import type { Environment } from "../../runtime/environment.ts";
import { endpointOf, isLoopback } from "../../wire/loopback.ts";

/** An HTTP proxy that opens connections with CONNECT. */
export interface HttpProxy {
  /** The gRPC target of the proxy. */
  readonly target: string;
  /** The `host:port` to connect to. */
  readonly destination: string;
  /** The value of `Proxy-Authorization`. Secret. */
  readonly authorization: string | undefined;
}

const PROXY_VARIABLES = ["grpc_proxy", "https_proxy", "http_proxy"] as const;
const NO_PROXY_VARIABLES = ["no_grpc_proxy", "no_proxy"] as const;
const DEFAULT_PROXY_PORT = "80";

/**
 * Returns the proxy for a gRPC target from the environment; `undefined` for a direct connection, which loopback
 * addresses and unix sockets always have. Lower-case names of variables take precedence over upper-case ones. Throws
 * OPTIONS_INVALID for an unusable proxy.
 */
export function proxyFor(target: string, environment: Environment): HttpProxy | undefined {
  const endpoint = endpointOf(target);
  if (endpoint === undefined || isLoopback(target)) return undefined;
  const [variable, value] = firstSet(PROXY_VARIABLES, environment);
  if (variable === undefined || isExcluded(endpoint, firstSet(NO_PROXY_VARIABLES, environment)[1])) return undefined;
  const url = readUrl(value);
  if (url === undefined) {
    // The value may hold a password.
    throw new SealwireError(
      "OPTIONS_INVALID",
      `The environment variable ${variable} does not name a usable proxy.\nSet it to http://HOST:PORT, or list ${endpoint.host} in NO_PROXY.`,
    );
  }
  const { hostname, port, username, password } = url;
  const user = [username, password].map(decodeURIComponent).join(":");
  return {
    target: `dns:${hostname}:${port || DEFAULT_PROXY_PORT}`,
    destination: `${endpoint.host.includes(":") ? `[${endpoint.host}]` : endpoint.host}:${endpoint.port}`,
    authorization: user === ":" ? undefined : `Basic ${Buffer.from(user).toString("base64")}`,
  };
}

/** The first variable with a value. */
function firstSet(names: readonly string[], environment: Environment): readonly [string | undefined, string] {
  const found = names.flatMap((name) => [name, name.toUpperCase()]).find((name) => environment[name]?.trim());
  return [found, found === undefined ? "" : (environment[found] as string).trim()];
}

function readUrl(text: string): URL | undefined {
  try {
    const url = new URL(text.includes("://") ? text : `http://${text}`);
    for (const part of [url.username, url.password]) decodeURIComponent(part);
    return url.protocol === "http:" && url.hostname !== "" ? url : undefined;
  } catch {
    return undefined;
  }
}

/** True if a list such as `.example.com, 10.0.0.0/8, host:443` contains the endpoint; `*` matches all. */
function isExcluded({ host, port }: { readonly host: string; readonly port: number }, list: string): boolean {
  return list
    .split(/[\s,]+/)
    .filter((entry) => entry !== "")
    .some((entry) => {
      if (entry === "*") return true;
      const [, bracketed, named, entryPort] = /^(?:\[(.*)\]|([^:]*))(?::(\d+))?$/.exec(entry) ?? [];
      const name = bracketed ?? named ?? entry;
      if (entryPort !== undefined && Number(entryPort) !== port) return false;
      return isIP(host) === 0 ? isNameWithin(host, name) : isAddressWithin(host, name);
    });
}

function isNameWithin(host: string, entry: string): boolean {
  const domain = entry.replace(/^\*?\./, "").toLowerCase();
  const name = host.toLowerCase();
  return domain !== "" && (name === domain || name.endsWith(`.${domain}`));
}

function isAddressWithin(host: string, entry: string): boolean {
  const [network = "", prefix] = entry.split("/");
  const [family, entryFamily] = [isIP(host), isIP(network)];
  if (family !== entryFamily || !/^\d{0,3}$/.test(prefix ?? "")) return false;
  const list = new BlockList();
  const most = family === 4 ? 32 : 128;
  if (Number(prefix ?? most) > most) return false;
  const type = family === 4 ? "ipv4" : "ipv6";
  list.addSubnet(network, Number(prefix ?? most), type);
  return list.check(host, type);
}
