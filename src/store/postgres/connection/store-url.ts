import { SealwireError } from "../../../errors.ts";

/** A host in a URL, or the folder of a unix socket. */
export interface NamedHost {
  readonly host: string;
  readonly port?: string;
}

/** The decoded parts of a store's URL, not validated. */
export interface StoreUrl {
  readonly hosts: readonly NamedHost[];
  readonly user?: string;
  readonly password?: string;
  readonly database?: string;
  /** The parameters in order. A name may occur twice. */
  readonly parameters: readonly (readonly [name: string, value: string])[];
}

/** `URL` cannot be used, because it does not support lists of hosts. */
const STORE_URL =
  /^postgres(?:ql)?:\/\/(?:(?<user>[^@:/?#]*)(?::(?<password>[^@/?#]*))?@)?(?<hosts>[^@/?#]*)(?:\/(?<database>[^/?#]*))?(?:\?(?<query>[^#]*))?$/;
const HOST = /^(?:\[(?<v6>[0-9A-Fa-f:.]+)\]|(?<name>[^:[\]]+))(?::(?<port>\d{1,5}))?$/;

/**
 * Splits a store's URL into its parts. Throws OPTIONS_INVALID, which contains nothing of the URL, because it may hold a
 * password.
 */
export function parseStoreUrl(store: string): StoreUrl {
  const parts = STORE_URL.exec(store)?.groups;
  if (parts === undefined) throw noStoreUrl();
  const hosts = parts.hosts === "" ? [] : (parts.hosts ?? "").split(",").map(parseHost);
  return {
    hosts,
    ...(parts.user && { user: decode(parts.user) }),
    ...(parts.password && { password: decode(parts.password) }),
    ...(parts.database && { database: decode(parts.database) }),
    parameters: parseQuery(parts.query ?? ""),
  };
}

function parseHost(text: string): NamedHost {
  const parts = HOST.exec(text)?.groups;
  const name = parts?.v6 ?? parts?.name;
  if (name === undefined) throw noStoreUrl();
  return { host: decode(name), ...(parts?.port && { port: parts.port }) };
}

function parseQuery(query: string): [string, string][] {
  if (query === "") return [];
  return query.split("&").map((pair) => {
    const [name = "", ...value] = pair.split("=");
    return [decode(name), decode(value.join("="))];
  });
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw noStoreUrl();
  }
}

function noStoreUrl(): SealwireError {
  return new SealwireError(
    "OPTIONS_INVALID",
    "The store is not a URL such as postgres://USER@HOST:5432/DATABASE.\nWrite special characters in it as %XX.",
  );
}
