import { isIP } from "node:net";
import type { AuditEvent } from "../../src/audit/event.ts";
import { AuditFolder } from "./audit-file.ts";

/** A JSON object, such as a line of the audit log or an OCSF event. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Lines that have every member, and every kind of actor, target and source. */
export async function sampleLines(): Promise<readonly JsonObject[]> {
  const actor = { client: "shop", keyId: "k_1", source: "192.0.2.7:5010", requestId: "r-1" };
  const tool = { type: "tool", id: "place_order" } as const;
  const key = (id: string) => ({ outcome: "succeeded", target: { type: "key", id } }) as const;
  const job = { client: "shop", target: tool, requestId: "r-1", jobId: "j-1", attempt: 1 } as const;
  const events: readonly AuditEvent[] = [
    { ...actor, action: "call.begin", outcome: "begun", target: tool, traceId: "4bf9", argsSha256: "0".repeat(64) },
    { ...actor, action: "call.end", outcome: "accepted", target: tool, jobId: "j-1" },
    { ...actor, action: "call.end", outcome: "unknown", target: tool, source: "[2001:db8::1]:443" },
    { action: "call.refuse", outcome: "refused", reason: "SIGNATURE_INVALID", source: "2001:db8::1", count: 3 },
    { action: "call.refuse", outcome: "refused", source: "others", count: 9, details: { causes: { mac: 9 } } },
    { action: "call.refuse", outcome: "refused", reason: "RATE_LIMITED", keyId: "k_1", source: "unknown" },
    { ...job, action: "job.start", outcome: "begun" },
    { ...job, action: "job.requeue", outcome: "returned" },
    { ...job, action: "job.end", outcome: "cancelled" },
    { action: "key.add", ...key("k_2") },
    { action: "key.change", ...key("k_2") },
    { action: "key.revoke", ...key("k_2") },
    { action: "key.remove", ...key("k_2") },
    { action: "secret.change", outcome: "succeeded", target: { type: "secret", id: "s_2" } },
    { ...actor, action: "operator.begin", outcome: "begun", target: { type: "job", id: "j-1" }, jobId: "j-1" },
    { action: "log.resume", outcome: "succeeded", target: { type: "log", id: "audit.log" }, details: { lost: 2 } },
  ];
  using folder = new AuditFolder();
  {
    await using log = await folder.open();
    for (const event of events) log.note(event);
  }
  return folder.lines().map((line) => JSON.parse(line) as JsonObject);
}

/** The event of the class API Activity for a line, as the table of docs/audit.md says. */
export function toOcsf(line: JsonObject): JsonObject {
  const { action, outcome, time, chain, sequence, server, instance, details, prev, mac, secret } = line;
  const { client, key } = (line.actor ?? {}) as { readonly client?: string; readonly key?: string };
  const target = line.target as { readonly type: string; readonly id: string } | undefined;
  const activity = activityOf(String(action), String(outcome));
  const user = { uid: client ?? key, ...(key !== undefined && { credential_uid: key }) };
  return {
    ...{ class_uid: 6003, category_uid: 6, activity_id: activity, type_uid: 600_300 + activity },
    ...(activity === 99 && { activity_name: action }),
    time: Date.parse(String(time)),
    severity_id: severityOf(line),
    ...{ status_id: statusOf(String(outcome)), status_code: line.reason, status_detail: outcome },
    actor: user.uid === undefined ? { app_name: "Sealwire", app_uid: instance } : { user },
    api: {
      operation: target?.type === "tool" ? target.id : action,
      service: { name: server },
      ...(line.request_id !== undefined && { request: { uid: line.request_id } }),
    },
    src_endpoint: endpointOf(line.source as string | undefined, String(instance)),
    resources: [
      ...(target === undefined ? [] : [{ type: target.type, uid: target.id }]),
      ...(line.job_id !== undefined && target?.type !== "job" ? [{ type: "job", uid: line.job_id }] : []),
    ],
    count: line.count,
    metadata: {
      ...{ version: "1.3.0", product: { name: "Sealwire", vendor_name: "Sealwire" }, log_version: `${line.version}` },
      ...{ uid: `${chain}:${sequence}`, sequence, correlation_uid: line.trace_id, original_time: time },
    },
    unmapped: { instance, attempt: line.attempt, args_sha256: line.args_sha256, details, secret, prev, mac },
  };
}

function activityOf(action: string, outcome: string): number {
  if (action === "key.add" || (action === "call.end" && outcome === "accepted")) return 1;
  if (action === "key.remove") return 4;
  return action.startsWith("key.") || action === "secret.change" ? 3 : 99;
}

function severityOf({ action, outcome, details }: JsonObject): number {
  const { lost = 0 } = (details ?? {}) as { readonly lost?: number };
  if (action === "key.revoke" || lost > 0) return 4;
  return ["refused", "failed", "unknown"].includes(String(outcome)) ? 3 : 1;
}

function statusOf(outcome: string): number {
  if (["succeeded", "accepted", "begun"].includes(outcome)) return 1;
  return ["refused", "failed"].includes(outcome) ? 2 : 99;
}

function endpointOf(source: string | undefined, instance: string): JsonObject {
  if (source === undefined) return { instance_uid: instance };
  if (isIP(source)) return { ip: source };
  const [, host = "", port = ""] = /^\[?(.+?)\]?:(\d+)$/.exec(source) ?? [];
  return isIP(host) ? { ip: host, port: Number(port) } : { name: source };
}

/** The names of all values in an object, such as "metadata.product.name". `unmapped` has no names of its own. */
export function pathsOf(value: unknown, prefix = ""): readonly string[] {
  if (value === undefined) return [];
  if (Array.isArray(value)) return value.flatMap((each) => pathsOf(each, `${prefix}[]`));
  if (typeof value !== "object" || value === null || prefix === "unmapped") return [prefix];
  return Object.entries(value).flatMap(([name, each]) => pathsOf(each, prefix === "" ? name : `${prefix}.${name}`));
}
