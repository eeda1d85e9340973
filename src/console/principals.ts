import { readTokenLines, type TokenBearer } from "../files/token-lines.ts";

/** What somebody may do in the console: a `viewer` reads, an `operator` also cancels jobs and changes keys. */
export type ConsoleRole = "viewer" | "operator";

/** Somebody who signs in with a token of their own. */
export interface ConsolePrincipal extends TokenBearer {
  readonly role: ConsoleRole;
}

/**
 * Reads a token file of the console: a line `NAME ROLE TOKEN` for each person, where ROLE is `viewer` or `operator` (see
 * {@link readTokenLines}). Throws OPTIONS_INVALID.
 */
export function readConsoleTokens(path: string): Promise<readonly ConsolePrincipal[]> {
  return readTokenLines(path, {
    what: "token file of the console",
    words: "NAME ROLE TOKEN",
    read(text, { bearer, fail }) {
      const [name = "", role = "", token = "", more] = text.split(/\s+/);
      if (token === "" || more !== undefined) return undefined;
      if (role !== "viewer" && role !== "operator") return fail("has a role that is not viewer or operator");
      return { ...bearer(name, token), role };
    },
  });
}
