import { resolve } from "node:path";
import { SealwireError } from "../../errors.ts";
import type { JsonFields } from "../../files/json-fields.ts";
import { DAY_MS } from "../../runtime/time-span.ts";
import { HEALTH_MODES, UPSTREAM_LIMITS, type UpstreamOptions } from "../../upstream/options.ts";
import { parseDuration } from "./duration.ts";

/** Reads `upstreams` of a configuration file: an object with an upstream per name. Paths are relative to its folder. */
export function readUpstreams(upstreams: JsonFields, folder: string): readonly UpstreamOptions[] {
  const found = upstreams.names().map((name) => ({ name, ...readUpstream(upstreams.object(name), folder) }));
  upstreams.end();
  return found;
}

function readUpstream(fields: JsonFields, folder: string): Omit<UpstreamOptions, "name"> {
  const read = <const K extends string, T>(key: K, name: string, reader: (name: string) => T) =>
    (fields.has(name) ? { [key]: reader(name) } : {}) as { readonly [key in K]?: T };
  const upstream = {
    address: fields.isArray("address") ? fields.texts("address") : fields.text("address"),
    descriptors: resolve(folder, fields.text("descriptors")),
    ...read("services", "services", (name) => fields.texts(name)),
    ...read("maxConcurrency", "max_concurrency", (name) => fields.number(name, UPSTREAM_LIMITS.maxConcurrency)),
    ...read("callTimeoutMs", "call_timeout", (name) => readTimeout(fields, name)),
    ...read("health", "health", (name) => fields.oneOf(name, HEALTH_MODES)),
    ...read("deduplicates", "deduplicates", (name) => fields.boolean(name)),
    ...read("trustLoopback", "trust_loopback", (name) => fields.boolean(name)),
    ...read("tls", "tls", (name) => readTls(fields.object(name), folder)),
    ...read("assertion", "assertion", (name) => readAssertion(fields.object(name), folder)),
  };
  fields.end();
  return upstream;
}

function readTimeout(fields: JsonFields, name: string): number {
  const ms = parseDuration(fields.text(name)) ?? 0;
  return ms >= 1 && ms <= DAY_MS ? ms : fields.fail(name, 'must be a time span such as "10s", 24h at most');
}

function readTls(fields: JsonFields, folder: string): NonNullable<UpstreamOptions["tls"]> {
  const path = (name: string) => resolve(folder, fields.text(name));
  const tls = {
    ...(fields.has("ca") && { caPath: path("ca") }),
    ...(fields.has("cert") && { certificatePath: path("cert") }),
    ...(fields.has("key") && { privateKeyPath: path("key") }),
    ...(fields.has("name") && { serverName: fields.text("name") }),
  };
  fields.end();
  return tls;
}

function readAssertion(fields: JsonFields, folder: string): NonNullable<UpstreamOptions["assertion"]> {
  const assertion = { audience: fields.text("audience"), keyPath: resolve(folder, fields.text("key")) };
  fields.end();
  return assertion;
}

/** The upstreams of `--upstream NAME=ADDRESS` and `--upstream-descriptors NAME=FILE`. Throws OPTIONS_INVALID. */
export function upstreamsOf(
  addresses: readonly string[] = [],
  descriptors: readonly string[] = [],
): readonly UpstreamOptions[] | undefined {
  const files = new Map<string, string>();
  for (const text of descriptors) {
    const { name, value } = split("--upstream-descriptors", text, "py=gen/py.binpb");
    if (files.has(name)) throw refused(`--upstream-descriptors names ${name} twice`, "Give one file per upstream.");
    files.set(name, value);
  }
  const found = addresses.map((text) => {
    const { name, value: address } = split("--upstream", text, "py=unix:/run/tools/py.sock");
    const file = files.get(name);
    if (file === undefined) {
      throw refused(
        `The upstream ${name} has no descriptors`,
        `Give --upstream-descriptors ${name}=FILE; \`sealwire upstream pull\` writes one.`,
      );
    }
    return { name, address, descriptors: file };
  });
  const extra = [...files.keys()].find((name) => !found.some((upstream) => upstream.name === name));
  if (extra !== undefined) throw refused(`There is no upstream ${extra}`, `Give --upstream ${extra}=ADDRESS, too.`);
  return addresses.length === 0 && descriptors.length === 0 ? undefined : found;
}

function split(option: string, text: string, example: string): { readonly name: string; readonly value: string } {
  const [, name, value] = /^([^=]+)=(.+)$/s.exec(text) ?? [];
  if (name !== undefined && value !== undefined) return { name, value };
  throw refused(`${option} is ${JSON.stringify(text.slice(0, 80))}`, `Write it as NAME=VALUE, such as ${example}.`);
}

function refused(problem: string, toDo: string): SealwireError {
  return new SealwireError("OPTIONS_INVALID", `${problem}.\n${toDo}`);
}
