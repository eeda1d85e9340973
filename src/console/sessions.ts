import { timingSafeEqual } from "node:crypto";
import { tokenDigest } from "../files/token-lines.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Random } from "../runtime/random.ts";
import { HOUR_MS } from "../runtime/time-span.ts";
import type { ConsolePrincipal, ConsoleRole } from "./principals.ts";

/** Somebody who is signed in. */
export interface Session {
  /** Names the session in the log. Not a secret. */
  readonly id: string;
  /** The name of the principal; "console" for whoever had the one-time URL. */
  readonly name: string;
  readonly role: ConsoleRole;
  /** When it ends at the latest, Unix milliseconds. */
  readonly endsAtMs: number;
  /** Aborts when the session ends. */
  readonly signal: AbortSignal;
}

/** Options of {@link Sessions}. */
export interface SessionsOptions {
  /** Those who have tokens at the start. Empty: one-time tokens are offered. */
  readonly principals: readonly ConsolePrincipal[];
  /** Makes everybody a viewer. */
  readonly readOnly: boolean;
  /** Called with each one-time token: the first, and the next one after each use. */
  readonly onOffer: (token: string) => void;
  readonly clock: Clock;
  readonly random: Random;
}

/** A session, with what the others must not see. */
interface OpenSession extends Session {
  /** Who signed in; `undefined` for whoever had a one-time token. */
  readonly principal: ConsolePrincipal | undefined;
  readonly digest: Buffer;
  readonly end: AbortController;
  usedAtMs: number;
}

const TOKEN_BYTES = 32;
/** A session that nobody uses ends after this time. An open page uses it. */
const IDLE_MS = 2 * HOUR_MS;
const LONGEST_MS = 12 * HOUR_MS;
/** Sessions of one person. The one of them that was used the longest time ago ends when there are more. */
const SESSIONS_MOST = 64;

/**
 * The sessions of a console. A session begins with a token: that of a principal, or a one-time token, which is void
 * after its use. It has a token of its own, which is kept as a digest. Sessions end with the process.
 */
export class Sessions {
  readonly #options: SessionsOptions;
  readonly #open = new Set<OpenSession>();
  #principals: readonly ConsolePrincipal[];
  #offered: Buffer | undefined;

  constructor(options: SessionsOptions) {
    this.#options = options;
    this.#principals = options.principals;
  }

  /** Offers a one-time token, unless there are principals. */
  offer(): void {
    if (this.#principals.length > 0) return;
    const token = this.#newToken();
    this.#offered = tokenDigest(token);
    this.#options.onOffer(token);
  }

  /** Begins a session. `undefined` for a token that is not known, or was used. */
  signIn(token: string): { readonly session: Session; readonly token: string } | undefined {
    const digest = tokenDigest(token);
    const principal = find(this.#principals, digest);
    const who = principal ?? this.#whoWasOffered(digest);
    if (who === undefined) return undefined;
    const { clock, readOnly } = this.#options;
    this.#endOld();
    this.#makeRoom(who.name);
    const own = this.#newToken();
    const end = new AbortController();
    const session: OpenSession = {
      id: this.#options.random.uuid().slice(0, 8),
      name: who.name,
      role: readOnly ? "viewer" : who.role,
      endsAtMs: clock.nowMs() + LONGEST_MS,
      signal: end.signal,
      principal,
      digest: tokenDigest(own),
      end,
      usedAtMs: clock.nowMs(),
    };
    this.#open.add(session);
    return { session, token: own };
  }

  /** The session of a token, which counts as a use. Compares with all, so that the time does not depend on which it is. */
  find(token: string): Session | undefined {
    this.#endOld();
    const session = find(this.#open, tokenDigest(token));
    if (session !== undefined) session.usedAtMs = this.#options.clock.nowMs();
    return session;
  }

  /** Counts as a use of a session whose page is open. Returns false if it has ended. */
  keep(session: Session): boolean {
    this.#endOld();
    if (session.signal.aborted) return false;
    (session as OpenSession).usedAtMs = this.#options.clock.nowMs();
    return true;
  }

  /** Ends a session. */
  end(session: Session): void {
    this.#open.delete(session as OpenSession);
    (session as OpenSession).end.abort();
  }

  /**
   * Replaces those who have tokens, if there were any at the start. Ends the sessions of whoever is no longer one of them
   * with the same token and role.
   */
  replacePrincipals(principals: readonly ConsolePrincipal[]): void {
    this.#principals = principals;
    for (const session of this.#open) {
      const { principal } = session;
      if (principal !== undefined && !principals.some((each) => isSame(each, principal))) this.end(session);
    }
  }

  #whoWasOffered(digest: Buffer): Pick<ConsolePrincipal, "name" | "role"> | undefined {
    if (this.#offered === undefined || !timingSafeEqual(this.#offered, digest)) return undefined;
    // The next one replaces it.
    this.offer();
    return { name: "console", role: "operator" };
  }

  #endOld(): void {
    const nowMs = this.#options.clock.nowMs();
    for (const session of this.#open) {
      if (nowMs >= session.endsAtMs || nowMs >= session.usedAtMs + IDLE_MS) this.end(session);
    }
  }

  #makeRoom(name: string): void {
    const own = [...this.#open].filter((session) => session.name === name);
    if (own.length < SESSIONS_MOST) return;
    const [oldest] = own.sort((one, other) => one.usedAtMs - other.usedAtMs);
    if (oldest !== undefined) this.end(oldest);
  }

  #newToken(): string {
    return Buffer.from(this.#options.random.bytes(TOKEN_BYTES)).toString("base64url");
  }
}

function isSame(one: ConsolePrincipal, other: ConsolePrincipal): boolean {
  return one.name === other.name && one.role === other.role && one.digest.equals(other.digest);
}

function find<T extends { readonly digest: Buffer }>(all: Iterable<T>, digest: Buffer): T | undefined {
  return [...all].filter((each) => timingSafeEqual(each.digest, digest))[0];
}
