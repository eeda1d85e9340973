import { SealwireError } from "../errors.ts";
import { formatTime } from "../files/json-fields.ts";
import { isChangeable } from "../signing/key-ring/changeable-key-ring.ts";
import { retireKey, revokeKey } from "../signing/key-ring/changes.ts";
import type { KeyEntry, KeyRingDocument } from "../signing/key-ring/document.ts";
import type { KeyRingSource } from "../signing/key-ring/types.ts";

/** A change of one key. */
export type KeyChange =
  | { readonly kind: "revoke"; readonly keyId: string }
  /** `endsAtMs`: Unix milliseconds; absent: when the key is revoked. */
  | { readonly kind: "retire"; readonly keyId: string; readonly endsAtMs?: number };

/** The time, and how the cause of a failed change is logged. */
export interface KeyChangeContext {
  /** Unix milliseconds. */
  readonly nowMs: number;
  readonly onFailure: (cause: unknown) => void;
}

/** Reasons of errors that are meant for the caller. */
const ANSWERED: ReadonlySet<string> = new Set(["TOOL_FAILED", "ARGS_INVALID", "UNAVAILABLE"]);

/**
 * Changes a key of a stored ring, and resolves when the change is in force in this process. Throws TOOL_FAILED for an
 * unknown key, the last operator's key, and a ring that cannot be changed; ARGS_INVALID naming `end_time`; UNAVAILABLE.
 */
export async function changeKey(keyRing: KeyRingSource, change: KeyChange, context: KeyChangeContext): Promise<void> {
  if (!isChangeable(keyRing)) throw refusal("This server's key ring is held by its program, which alone changes it.");
  try {
    await keyRing.change((document) => {
      checkChange(document, change, context.nowMs);
      return change.kind === "revoke" ? revokeKey(document, change.keyId) : retireKey(document, change);
    });
  } catch (thrown) {
    throw answerable(thrown, context);
  }
}

function checkChange({ keys }: KeyRingDocument, change: KeyChange, nowMs: number): void {
  const { kind, keyId } = change;
  const key = keys.find((each) => each.keyId === keyId);
  if (key === undefined) {
    throw new SealwireError("TOOL_FAILED", "There is no such key in the key ring.", { status: "NOT_FOUND" });
  }
  if (key.state === "revoked") {
    if (kind === "revoke") return;
    throw refusal("The key is revoked permanently and cannot be retired.");
  }
  if (kind === "retire") checkEnd(key, change.endsAtMs);
  if (key.role !== "operator") return;
  const others = keys.filter((each) => each !== key && each.role === "operator" && each.state === "active");
  const remains = others.some(
    ({ notBeforeMs = -Infinity, notAfterMs = Infinity }) => notBeforeMs <= nowMs && nowMs < notAfterMs,
  );
  if (!remains) throw refusal("This is the last valid operator's key. Add another first, or use `sealwire keys`.");
}

function checkEnd({ notBeforeMs = -Infinity }: KeyEntry, endsAtMs = Infinity): void {
  if (endsAtMs > notBeforeMs) return;
  const problem = `must be later than ${formatTime(notBeforeMs)}, when the key becomes valid`;
  throw new SealwireError("ARGS_INVALID", `end_time ${problem}; or revoke the key.`, {
    violations: [{ field: "end_time", ruleId: "end_time", message: problem }],
  });
}

/** The error that the caller receives. What only the server's administrator may know is logged. */
function answerable(thrown: unknown, { onFailure }: KeyChangeContext): SealwireError {
  if (thrown instanceof SealwireError && ANSWERED.has(thrown.reason)) return thrown;
  onFailure(thrown);
  return refusal("The key ring cannot be changed by this server; its log has the cause.", thrown);
}

function refusal(message: string, cause?: unknown): SealwireError {
  return new SealwireError("TOOL_FAILED", message, { status: "FAILED_PRECONDITION", cause });
}
