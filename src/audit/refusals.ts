import type { Clock } from "../runtime/clock.ts";
import { MINUTE_MS } from "../runtime/time-span.ts";
import type { AuditEvent, AuditTrail } from "./event.ts";

/** Refusals of one key that have a line each, per minute. */
const LINES_PER_KEY = 60;
/** Peer addresses that are counted apart, per minute, and as many keys. All others are counted together. */
const COUNTED_MAX = 100;
/** Maximum number of claimed keys in one line. */
const CLAIMED_MAX = 8;
const OTHERS = "others";

/** A refused request. */
export interface Refusal {
  readonly reason: string;
  /** Which part of the authentication failed. */
  readonly cause: string | undefined;
  readonly client: string | undefined;
  /** `undefined`: the caller is not known. */
  readonly keyId: string | undefined;
  /** Id of the key that an unauthenticated frame names. */
  readonly claimedKeyId: string | undefined;
  readonly tool: string | undefined;
  /** Address of the peer with its port. */
  readonly peer: string;
  readonly requestId: string | undefined;
  readonly traceId: string | undefined;
}

/** Callers that are not known, and those that are. Each has room of its own, so that none can use up that of the other. */
type CallerKind = "peer" | "key";

/** The refusals of one address or key in the current minute. */
interface Count {
  readonly event: Omit<AuditEvent, "count" | "details">;
  readonly causes: Map<string, number>;
  readonly claimed: Set<string>;
}

/**
 * Writes refusals to the audit log, so that nobody can fill the disk with them. A refusal of a known key has a line of its
 * own, up to 60 a minute. Further ones, and all refusals of callers that are not known, are counted: one line a minute for
 * each key or peer address, for 100 keys and 100 addresses at most, and one line for the others of each.
 */
export class AuditRefusals implements Disposable {
  readonly #trail: AuditTrail;
  readonly #clock: Clock;
  readonly #lines = new Map<string, number>();
  readonly #counts = { peer: new Map<string, Count>(), key: new Map<string, Count>() };
  #timer: Disposable | undefined;

  constructor(trail: AuditTrail, clock: Clock) {
    this.#trail = trail;
    this.#clock = clock;
  }

  /** Records a refusal. */
  add(refusal: Refusal): void {
    this.#timer ??= this.#clock.after(MINUTE_MS, () => this.#endMinute());
    const { keyId, client, reason, tool, peer, requestId, traceId } = refusal;
    if (keyId === undefined) {
      const source = addressOf(peer);
      this.#count("peer", source, { event: { action: "call.refuse", outcome: "refused", reason, source }, refusal });
      return;
    }
    const lines = this.#lines.get(keyId) ?? 0;
    const actor = {
      action: "call.refuse",
      outcome: "refused",
      reason,
      ...(client !== undefined && { client }),
      keyId,
    } as const;
    if (lines >= LINES_PER_KEY) {
      this.#count("key", keyId, { event: actor, refusal });
      return;
    }
    this.#lines.set(keyId, lines + 1);
    this.#trail.note({
      ...actor,
      ...(tool !== undefined && { target: { type: "tool", id: tool } }),
      source: peer,
      ...(requestId !== undefined && { requestId }),
      ...(traceId !== undefined && { traceId }),
    });
  }

  /** Writes what was counted. */
  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#endMinute();
  }

  #count(kind: CallerKind, name: string, { event, refusal }: { event: Count["event"]; refusal: Refusal }): void {
    const counts = this.#counts[kind];
    let count = counts.get(name);
    if (count === undefined) {
      const isRoom = counts.size < COUNTED_MAX;
      const key = isRoom ? name : OTHERS;
      const all = { action: "call.refuse", outcome: "refused", source: OTHERS } as const;
      count = counts.get(key) ?? { event: isRoom ? event : all, causes: new Map(), claimed: new Set() };
      counts.set(key, count);
    }
    const { cause, reason, claimedKeyId } = refusal;
    const what = cause ?? reason;
    count.causes.set(what, (count.causes.get(what) ?? 0) + 1);
    if (claimedKeyId !== undefined && count.claimed.size < CLAIMED_MAX) count.claimed.add(claimedKeyId.slice(0, 128));
  }

  #endMinute(): void {
    this.#timer = undefined;
    this.#lines.clear();
    for (const counts of Object.values(this.#counts)) {
      for (const { event, causes, claimed } of counts.values()) {
        const count = [...causes.values()].reduce((sum, each) => sum + each, 0);
        const details = { causes: Object.fromEntries(causes), ...(claimed.size > 0 && { claimed_keys: [...claimed] }) };
        this.#trail.note({ ...event, count, details });
      }
      counts.clear();
    }
  }
}

/** Removes the port, which differs between connections. */
function addressOf(peer: string): string {
  const colon = peer.lastIndexOf(":");
  return colon < 0 ? peer : peer.slice(0, colon);
}
