import { readFile, stat } from "node:fs/promises";
import { SealwireError } from "../../../errors.ts";
import { showHost, type TargetHost } from "./connection.ts";

const OTHERS = 0o077;
/** How lines may name the unix socket in the default folder of libpq, beside its path. */
const SOCKET_HOST = "localhost";

/** Whose password is looked for. */
export interface PasswordWanted {
  /** The file, as libpq reads PGPASSFILE or `~/.pgpass`; `undefined` if there can be none. */
  readonly path: string | undefined;
  readonly host: TargetHost;
  readonly database: string;
  readonly user: string;
}

/**
 * Finds a password in a file of lines `HOST:PORT:DATABASE:USER:PASSWORD`, where * stands for anything and \ keeps : and \
 * from having a meaning; the first line that fits counts. Throws OPTIONS_INVALID if there is none, and for a file that
 * others may read. Source: PostgreSQL manual, The Password File.
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
  const what = `The database ${showHost(host)}/${database} asks for the password of ${user}, and there is none.`;
  throw new SealwireError(
    "OPTIONS_INVALID",
    `${what}\nGive it in ${path === undefined ? "SEALWIRE_STORE or PGPASSWORD" : `SEALWIRE_STORE, PGPASSWORD or ${path}`}.`,
  );
}

/** The fields of a line, without the backslashes. */
function splitFields(line: string): string[] {
  return [...line.matchAll(/((?:\\.|[^\\:])*)(?::|$)/g)].map(([, field = ""]) => field.replaceAll(/\\(.)/g, "$1"));
}

/** The text of the file; empty if there is none. */
async function readPrivate(path: string): Promise<string> {
  try {
    const { mode } = await stat(path);
    if ((mode & OTHERS) === 0) return await readFile(path, "utf8");
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return "";
    const what = `The password file ${path} cannot be read: ${(thrown as Error).message}.`;
    throw new SealwireError("OPTIONS_INVALID", `${what}\nLet this user read it, or give the password in PGPASSWORD.`);
  }
  throw new SealwireError("OPTIONS_INVALID", `Others may read the password file ${path}.\nRun: chmod 600 ${path}`);
}
