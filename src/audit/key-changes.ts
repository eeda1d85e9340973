import { createHash } from "node:crypto";
import { formatTime } from "../files/json-fields.ts";
import type { KeyRing, VerificationKey } from "../signing/key-ring/types.ts";
import { pae } from "../signing/pae.ts";
import type { AuditAction, AuditDetail, AuditEvent } from "./event.ts";

/** Tool patterns of a key in one line. */
const TOOLS_MOST = 100;

/** The events that turn one key ring into another, as a server sees them. Secrets are not compared. */
export function keyChanges(before: KeyRing, after: KeyRing): readonly AuditEvent[] {
  const events: AuditEvent[] = [];
  for (const key of after.keys()) {
    const old = before.find(key.keyId);
    if (old === undefined) {
      events.push(keyEvent("key.add", key, { key: stateOf(key) }));
      continue;
    }
    const [was, is] = [stateOf(old), stateOf(key)];
    if (JSON.stringify(was) === JSON.stringify(is)) continue;
    events.push(keyEvent(changeOf(old, key), key, { before: was, after: is }));
  }
  for (const key of before.keys()) {
    if (after.find(key.keyId) === undefined) events.push(keyEvent("key.remove", key, { key: stateOf(key) }));
  }
  const { auditKey } = after;
  if (auditKey !== undefined && auditKey.secretId !== before.auditKey?.secretId) {
    const target = { type: "secret", id: auditKey.secretId } as const;
    events.push({ action: "secret.change", outcome: "succeeded", target });
  }
  return events;
}

/** A hash of what all keys of a ring may do, which tells whether the ring has changed while no server ran. */
export function ringDigest(ring: KeyRing): string {
  const states = [...ring.keys()].map((key) => JSON.stringify([key.keyId, stateOf(key)])).sort();
  return createHash("sha256")
    .update(pae("audit-key-ring", ...states))
    .digest("hex");
}

function changeOf(before: VerificationKey, after: VerificationKey): AuditAction {
  if (before.state !== after.state && after.state === "revoked") return "key.revoke";
  if (before.state !== after.state && after.state === "retiring") return "key.retire";
  return "key.change";
}

function keyEvent(action: AuditAction, key: VerificationKey, details: AuditEvent["details"]): AuditEvent {
  return { action, outcome: "succeeded", target: { type: "key", id: key.keyId }, ...(details && { details }) };
}

/** What a key may do. The client that holds the key did not change it, so it is no actor. */
function stateOf(key: VerificationKey): AuditDetail {
  const { clientId, state, role, tools, notBeforeMs, notAfterMs, fingerprint, limits } = key;
  return {
    client: clientId,
    state,
    ...(role !== undefined && { role }),
    ...(tools !== undefined && shownTools(tools)),
    ...(notBeforeMs !== undefined && { not_before: formatTime(notBeforeMs) }),
    ...(notAfterMs !== undefined && { not_after: formatTime(notAfterMs) }),
    fingerprint,
    limits: { ...limits },
  };
}

/** A line stays short. The hash tells long lists apart. */
function shownTools(tools: readonly string[]): { readonly [name: string]: AuditDetail } {
  if (tools.length <= TOOLS_MOST) return { tools };
  const sha256 = createHash("sha256").update(JSON.stringify(tools)).digest("hex");
  return { tools: tools.slice(0, TOOLS_MOST), tools_count: tools.length, tools_sha256: sha256 };
}
