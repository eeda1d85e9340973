import { execFileSync } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { delimiter, dirname, join } from "node:path";
import { findPostgres } from "../cluster/private-postgres.ts";

/** The programs of a cluster by their paths. */
export interface Programs {
  readonly patroni: string;
  readonly etcd: string;
  readonly haproxy: string;
  /** The folder of PostgreSQL's programs. */
  readonly postgres: string;
}

/** Patroni before this version may take the lock of the primary back through etcd's API 3, without asking whose it is. */
const ETCD3_FROM = [3, 0, 3] as const;

/** Finds the programs in PATH and where Debian has them. Returns the names of the missing ones if any is missing. */
export function findPrograms(): Programs | { readonly missing: readonly string[] } {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/bin", "/usr/sbin"];
  const find = (name: string) => folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
  const [patroni, etcd, haproxy, postgres] = [find("patroni"), find("etcd"), find("haproxy"), findPostgres()];
  if (patroni !== undefined && etcd !== undefined && haproxy !== undefined && postgres !== undefined) {
    // In PATH there may be links to some of them.
    return { patroni, etcd, haproxy, postgres: dirname(realpathSync(join(postgres, "postgres"))) };
  }
  const found = { patroni, etcd, haproxy, postgresql: postgres };
  return {
    missing: Object.entries(found).flatMap(([name, path]) => (path === undefined ? [name] : [])),
  };
}

/** The API of etcd that an installed Patroni uses safely, as its configuration names it. */
export function etcdApiOf(patroni: string): "etcd" | "etcd3" {
  const text = execFileSync(patroni, ["--version"], { encoding: "utf8" });
  const version = text.match(/\d+/g)?.map(Number) ?? [];
  const differs = ETCD3_FROM.findIndex((part, place) => part !== (version[place] ?? 0));
  return differs >= 0 && (version[differs] ?? 0) < (ETCD3_FROM[differs] ?? 0) ? "etcd" : "etcd3";
}

/** Reserves loopback ports that are probably free, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const probes = await Promise.all(Array.from({ length: count }, listenAnywhere));
  const ports = probes.map((probe) => {
    const address = probe.address();
    if (address === null || typeof address === "string") throw new Error("no port was free");
    return address.port;
  });
  await Promise.all(probes.map((probe) => new Promise((resolve) => probe.close(resolve))));
  return ports;
}

function listenAnywhere(): Promise<Server> {
  const probe = createServer();
  return new Promise((resolve) => probe.listen(0, "127.0.0.1", () => resolve(probe)));
}

/** The ids of a process and of all that it has started, directly or not. */
export function familyOf(pid: number): number[] {
  const text = execFileSync("ps", ["-A", "-o", "pid=,ppid="], { encoding: "utf8" });
  const parents = text
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number) as [pid: number, parent: number]);
  const family = [pid];
  for (const member of family) family.push(...parents.flatMap(([child, parent]) => (parent === member ? [child] : [])));
  return family;
}

/** Replaces each `${NAME}` of a configuration. Throws an Error if one has no value. */
export function fillIn(template: string, values: Readonly<Record<string, string | number>>): string {
  return template.replaceAll(/\$\{([A-Z0-9_]+)\}/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`${name} has no value`);
    return String(value);
  });
}
