import { createHash } from "node:crypto";
import type { Clock } from "../../runtime/clock.ts";
import { pae } from "../../signing/pae.ts";

/** A call that was begun and whose outcome no host has seen. */
export interface OpenCall {
  /** Identifies the tool, its arguments and the client. */
  readonly key: string;
  readonly requestId: string;
  readonly beganAtMs: number;
}

/** Keeps open calls for the next process, which continues them after this one was killed. */
export interface OpenCallJournal {
  /** The calls that an earlier process left. */
  readonly left: readonly OpenCall[];
  begun(call: OpenCall): void;
  ended(call: OpenCall): void;
}

/** Age from which a call is forgotten: a repetition after it is a new intent. */
const FORGET_AFTER_MS = 600_000;

/** Whom, what and with what a call calls. */
export interface CallIdentity {
  readonly serverId: string;
  readonly clientId: string;
  readonly tool: string;
  readonly args: Uint8Array;
}

/** Identifies calls that are the same for the server, except for their request id. */
export function callKey({ serverId, clientId, tool, args }: CallIdentity): string {
  return createHash("sha256")
    .update(pae("mcp call", serverId, clientId, tool, args))
    .digest("base64url");
}

/**
 * The calls whose outcome hosts have not seen. A host that gave up often makes the same call again. It then continues
 * the earlier one, under the same request id, instead of running the tool twice. A call that a host still waits for is
 * never continued: two at once are two.
 */
export class OpenCalls {
  readonly #clock: Clock;
  readonly #journal: OpenCallJournal | undefined;
  /** Calls that no host waits for, the oldest first. */
  readonly #abandoned = new Map<string, OpenCall[]>();

  constructor(clock: Clock, journal?: OpenCallJournal) {
    this.#clock = clock;
    this.#journal = journal;
    for (const call of journal?.left ?? []) this.#abandon(call);
  }

  /** Takes the oldest abandoned call of this key; `undefined` if there is none. */
  take(key: string): OpenCall | undefined {
    this.#forgetOld();
    const calls = this.#abandoned.get(key);
    const call = calls?.shift();
    if (calls?.length === 0) this.#abandoned.delete(key);
    return call;
  }

  /** Notes a call before it is sent. */
  begin(key: string, requestId: string): OpenCall {
    const call = { key, requestId, beganAtMs: this.#clock.nowMs() };
    this.#journal?.begun(call);
    return call;
  }

  /** Its host has gone, or has not learned the outcome. */
  abandon(call: OpenCall): void {
    this.#forgetOld();
    this.#abandon(call);
  }

  /** Its host has got the outcome. */
  end(call: OpenCall): void {
    this.#journal?.ended(call);
  }

  #abandon(call: OpenCall): void {
    const calls = this.#abandoned.get(call.key);
    if (calls === undefined) this.#abandoned.set(call.key, [call]);
    else calls.push(call);
  }

  #forgetOld(): void {
    const oldestMs = this.#clock.nowMs() - FORGET_AFTER_MS;
    for (const [key, calls] of this.#abandoned) {
      const kept = calls.filter(({ beganAtMs }) => beganAtMs >= oldestMs);
      for (const call of calls) if (!kept.includes(call)) this.#journal?.ended(call);
      if (kept.length === 0) this.#abandoned.delete(key);
      else this.#abandoned.set(key, kept);
    }
  }
}
