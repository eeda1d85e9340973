import { readFile, stat } from "node:fs/promises";
import { SealwireError } from "../../../errors.ts";
import { showHost, type TargetHost } from "./connection.ts";

const OTHERS = 0o077;
/** Name of libpq's default unix socket folder in the lines of a password file. */
const SOCKET_HOST = "localhost";

/** The connection whose password is needed. */
export interface PasswordWanted {
  /** PGPASSFILE or `~/.pgpass`, as in libpq; `undefined` if there is no such path. */
  readonly path: string | undefined;
  readonly host: TargetHost;
  readonly database: string;
  readonly user: string;
}

/**
 * Finds a password in a file of lines `HOST:PORT:DATABASE:USER:PASSWORD`. `*` matches any value and `\` escapes `:` and
 * `\`; the first matching line is used. Throws OPTIONS_INVALID if no line matches or if other users can read the file.
 * Source: PostgreSQL manual, The Password File.
 */
export async function findPassword(wanted: PasswordWanted): Promise<string> {
  const { path, host, database, user } = wanted;
  const text = path === undefined ? "" : await readPrivate(path);
  const hosts = host.host.startsWith("/") ? [host.host, SOCKET_HOST] : [host.host];
  const place = [hosts, [String(host.port)], [database], [user]];
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith("#")) continue;
    const fields = splitFields(line);
    const password = fields[place.length];
    if (password && place.every((names, index) => [...names, "*"].includes(fields[index] ?? ""))) {
      return password;
    }
  }
  const what = `The database ${showHost(host)}/${database} requires a password for ${user}, and none was found.`;
  throw new SealwireError(
    "OPTIONS_INVALID",
    `${what}\nGive it in ${path === undefined ? "SEALWIRE_STORE or PGPASSWORD" : `SEALWIRE_STORE, PGPASSWORD or ${path}`}.`,
  );
}

/** The fields of a line, with escapes removed. */
function splitFields(line: string): string[] {
  return [...line.matchAll(/((?:\\.|[^\\:])*)(?::|$)/g)].map(([, field = ""]) => field.replaceAll(/\\(.)/g, "$1"));
}

/** The content of the file; empty if it does not exist. */
async function readPrivate(path: string): Promise<string> {
  try {
    const { mode } = await stat(path);
    if ((mode & OTHERS) === 0) return await readFile(path, "utf8");
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return "";
    const what = `The password file ${path} cannot be read: ${(thrown as Error).message}.`;
    throw new SealwireError("OPTIONS_INVALID", `${what}\nLet this user read it, or give the password in PGPASSWORD.`);
  }
  throw new SealwireError("OPTIONS_INVALID", `Other users can read the password file ${path}.\nRun: chmod 600 ${path}`);
}
