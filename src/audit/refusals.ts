import type { Clock } from "../runtime/clock.ts";
import { MINUTE_MS } from "../runtime/time-span.ts";
import type { AuditEvent, AuditTrail } from "./event.ts";

/** Refusals of one key, or of somebody who is signed in, that have a line each, per minute. */
const LINES_PER_CALLER = 60;
/** Peer addresses that are counted apart, per minute, and as many known callers. All others are counted together. */
const COUNTED_MAX = 100;
/** Maximum number of claimed keys in one line. */
const CLAIMED_MAX = 8;
const OTHERS = "others";

/** A refused request. */
export interface Refusal {
  readonly action: "call.refuse" | "console.refuse";
  readonly reason?: string | undefined;
  /** Which part of the authentication failed, or why the console refused. */
  readonly cause?: string | undefined;
  /** Without a client and a key, the caller is not known. */
  readonly client?: string | undefined;
  readonly keyId?: string | undefined;
  /** Id of the key that an unauthenticated frame names. */
  readonly claimedKeyId?: string | undefined;
  readonly tool?: string | undefined;
  /** Address of the peer with its port. */
  readonly peer: string;
  readonly requestId?: string | undefined;
  readonly traceId?: string | undefined;
}

/** The refusals of one address, key or person in the current minute. */
interface Count {
  readonly event: Omit<AuditEvent, "count" | "details">;
  readonly causes: Map<string, number>;
  readonly claimed: Set<string>;
}

/**
 * Writes refusals to the audit log, so that nobody can fill the disk with them. A refusal of a known caller has a line of
 * its own, up to 60 a minute. Further ones, and all refusals of callers that are not known, are counted: one line a minute
 * for each caller or peer address, for 100 callers and 100 addresses at most, and one line for the others of each.
 */
export class AuditRefusals implements Disposable {
  readonly #trail: AuditTrail;
  readonly #clock: Clock;
  /** Number of lines by known caller. */
  readonly #lines = new Map<string, number>();
  /** Calls and the console, known callers and strangers have room of their own, so that none can use up that of another. */
  readonly #rooms = new Map<string, Map<string, Count>>();
  #timer: Disposable | undefined;

  constructor(trail: AuditTrail, clock: Clock) {
    this.#trail = trail;
    this.#clock = clock;
  }

  /** Records a refusal. */
  add(refusal: Refusal): void {
    this.#timer ??= this.#clock.after(MINUTE_MS, () => this.#endMinute());
    const { action, keyId, client, reason, cause, tool, peer, requestId, traceId } = refusal;
    const caller = keyId ?? client;
    const what = { action, outcome: "refused", ...(reason !== undefined && { reason }) } as const;
    if (caller === undefined) {
      const source = addressOf(peer);
      this.#count(refusal, { room: "strangers", name: source, event: { ...what, source } });
      return;
    }
    const actor = { ...what, ...(client !== undefined && { client }), ...(keyId !== undefined && { keyId }) };
    const lines = this.#lines.get(caller) ?? 0;
    if (lines >= LINES_PER_CALLER) {
      this.#count(refusal, { room: "callers", name: caller, event: actor });
      return;
    }
    this.#lines.set(caller, lines + 1);
    this.#trail.note({
      ...actor,
      ...(tool !== undefined && { target: { type: "tool", id: tool } }),
      source: peer,
      ...(requestId !== undefined && { requestId }),
      ...(traceId !== undefined && { traceId }),
      ...(reason === undefined && cause !== undefined && { details: { cause } }),
    });
  }

  /** Writes what was counted. */
  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#endMinute();
  }

  #count(
    { action, cause, reason = "", claimedKeyId }: Refusal,
    { room, name, event }: { readonly room: string; readonly name: string; readonly event: Count["event"] },
  ): void {
    const counts = this.#rooms.get(`${action} ${room}`) ?? new Map<string, Count>();
    this.#rooms.set(`${action} ${room}`, counts);
    let count = counts.get(name);
    if (count === undefined) {
      const isRoom = counts.size < COUNTED_MAX;
      const key = isRoom ? name : OTHERS;
      const all = { action, outcome: "refused", source: OTHERS } as const;
      count = counts.get(key) ?? { event: isRoom ? event : all, causes: new Map(), claimed: new Set() };
      counts.set(key, count);
    }
    const what = cause ?? reason;
    count.causes.set(what, (count.causes.get(what) ?? 0) + 1);
    if (claimedKeyId !== undefined && count.claimed.size < CLAIMED_MAX) count.claimed.add(claimedKeyId.slice(0, 128));
  }

  #endMinute(): void {
    this.#timer = undefined;
    this.#lines.clear();
    for (const { event, causes, claimed } of [...this.#rooms.values()].flatMap((counts) => [...counts.values()])) {
      const count = [...causes.values()].reduce((sum, each) => sum + each, 0);
      const details = { causes: Object.fromEntries(causes), ...(claimed.size > 0 && { claimed_keys: [...claimed] }) };
      this.#trail.note({ ...event, count, details });
    }
    this.#rooms.clear();
  }
}

/** Removes the port, which differs between connections. */
function addressOf(peer: string): string {
  const colon = peer.lastIndexOf(":");
  return colon < 0 ? peer : peer.slice(0, colon);
}
