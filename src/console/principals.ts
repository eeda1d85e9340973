import { currentVersion } from "../files/private-file.ts";
import { readTokenLines, type TokenBearer } from "../files/token-lines.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Logger } from "../runtime/logger.ts";
import { runPeriodically } from "../runtime/periodic.ts";

const CHECK_INTERVAL_MS = 1_000;

/** What somebody may do in the console: a `viewer` reads, an `operator` also cancels jobs and changes keys. */
export type ConsoleRole = "viewer" | "operator";

/** Somebody who signs in with a token of their own. */
export interface ConsolePrincipal extends TokenBearer {
  readonly role: ConsoleRole;
}

/**
 * Reads a token file of the console: a line `NAME ROLE TOKEN` for each person, where ROLE is `viewer` or `operator` (see
 * {@link readTokenLines}). Throws OPTIONS_INVALID, also for a file that names nobody unless `mayBeEmpty` is set.
 */
export function readConsoleTokens(
  path: string,
  { mayBeEmpty = false }: { readonly mayBeEmpty?: boolean } = {},
): Promise<readonly ConsolePrincipal[]> {
  return readTokenLines(path, {
    mayBeEmpty,
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

/** The token file of a console. */
export interface ConsoleTokens {
  /** What it held when it was read first. */
  readonly principals: readonly ConsolePrincipal[];
  /**
   * Calls `onChange` with what the file holds each time that it has changed, until disposed. A file that cannot be used is
   * logged once, and what was read before stays in force.
   */
  follow(onChange: (principals: readonly ConsolePrincipal[]) => void): AsyncDisposable;
}

/** Reads a token file of the console, which can then be followed. Throws OPTIONS_INVALID. */
export async function openConsoleTokens(
  path: string,
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
): Promise<ConsoleTokens> {
  let seen = await currentVersion(path);
  let emptied: string | undefined;
  return {
    principals: await readConsoleTokens(path),
    follow: (onChange) =>
      runPeriodically(clock, CHECK_INTERVAL_MS, async () => {
        const version = await currentVersion(path);
        if (version === seen) return;
        try {
          const principals = await readConsoleTokens(path, { mayBeEmpty: true });
          // Whoever takes out the last line wants to end that access, too. But a file that is being written is empty for a
          // moment, so it must stay so until the next check.
          if (principals.length === 0 && version !== emptied) {
            emptied = version;
            return;
          }
          onChange(principals);
          logger.info({ path, users: principals.length }, "token file of the console reloaded");
        } catch (err) {
          logger.error({ err, path }, "token file of the console not reloaded, the last good one stays in force");
        }
        seen = version;
      }),
  };
}
