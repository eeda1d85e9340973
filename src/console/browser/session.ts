import type { SignInAnswer } from "../answers.ts";

const KEY = "sealwire-console";

/** This tab's session with its token; `undefined` if it is not signed in. Other tabs and other ports cannot read it. */
export function keptSession(): SignInAnswer | undefined {
  try {
    return (JSON.parse(sessionStorage.getItem(KEY) ?? "null") as SignInAnswer | null) ?? undefined;
  } catch {
    return undefined;
  }
}

/** Keeps a session for this tab. */
export function keepSession(session: SignInAnswer): void {
  sessionStorage.setItem(KEY, JSON.stringify(session));
}

/** Forgets the session of this tab. */
export function forgetSession(): void {
  sessionStorage.removeItem(KEY);
}

/** Takes the token out of the address, so that it stays in no history. "" if there is none. */
export function takeOfferedToken(): string {
  const token = new URLSearchParams(location.hash.slice(1)).get("token") ?? "";
  if (token !== "") history.replaceState(null, "", `${location.pathname}${location.search}`);
  return token;
}
