const KEY = "sealwire-console";

/** The token of this tab's session; "" if it is not signed in. Other tabs and other ports cannot read it. */
export function sessionToken(): string {
  return sessionStorage.getItem(KEY) ?? "";
}

/** Keeps the token of a session for this tab; "" forgets it. */
export function keepSessionToken(token: string): void {
  if (token === "") sessionStorage.removeItem(KEY);
  else sessionStorage.setItem(KEY, token);
}

/** Takes the token out of the address, so that it stays in no history. "" if there is none. */
export function takeOfferedToken(): string {
  const token = new URLSearchParams(location.hash.slice(1)).get("token") ?? "";
  if (token !== "") history.replaceState(null, "", `${location.pathname}${location.search}`);
  return token;
}
