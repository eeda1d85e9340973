import { lookup, Resolver } from "node:dns/promises";
import type { ServerName } from "../../wire/server-address.ts";

/**
 * Resolves a name to the sorted gRPC targets of its addresses. Uses the given name server, or the resolver of this
 * machine. Rejects if the name has no address.
 */
export async function lookUp({ host, port, nameServer }: ServerName): Promise<readonly string[]> {
  const found =
    nameServer === undefined
      ? (await lookup(host, { all: true })).map(({ address }) => address)
      : ask(nameServer, host);
  return [...new Set(await found)]
    .sort()
    .map((ip) => (ip.includes(":") ? `ipv6:[${ip}]:${port}` : `ipv4:${ip}:${port}`));
}

async function ask(nameServer: string, host: string): Promise<string[]> {
  const resolver = new Resolver({ timeout: 2_000, tries: 2 });
  resolver.setServers([nameServer]);
  const [v4, v6] = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]);
  if (v4.status === "rejected" && v6.status === "rejected") throw v4.reason;
  return [v4, v6].flatMap((answer) => (answer.status === "fulfilled" ? answer.value : []));
}
