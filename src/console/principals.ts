import { createHash } from "node:crypto";
import { SealwireError } from "../errors.ts";
import { readPrivateFile } from "../files/private-file.ts";

/** What somebody may do in the console: a `viewer` reads, an `operator` also cancels jobs and changes keys. */
export type ConsoleRole = "viewer" | "operator";

/** Somebody who signs in with a token of their own. */
export interface ConsolePrincipal {
  readonly name: string;
  readonly role: ConsoleRole;
  /** SHA-256 of the token. */
  readonly digest: Buffer;
}

/** A token of 32 hex digits has 128 bits. */
const TOKEN = /^[!-~]{32,1024}$/;
const HASH = /^sha256:([0-9a-f]{64})$/;
const NAME = /^[A-Za-z0-9._-]{1,64}$/;
const FORMAT = "NAME ROLE TOKEN";

/**
 * Reads a token file of the console: a line `NAME ROLE TOKEN` for each person, where ROLE is `viewer` or `operator`, and
 * TOKEN is a token or `sha256:` and its digest in hex. Empty lines and those that begin with # are ignored. Throws
 * OPTIONS_INVALID naming the line, and if other users can read the file.
 */
export async function readConsoleTokens(path: string): Promise<readonly ConsolePrincipal[]> {
  const { bytes } = await readPrivateFile({ path, what: "token file of the console", reason: "OPTIONS_INVALID" });
  const principals = bytes
    .toString("utf8")
    .split("\n")
    .flatMap((line, index) => {
      const text = line.trim();
      return text === "" || text.startsWith("#") ? [] : [readLine(text, path, index + 1)];
    });
  if (principals.length === 0) throw invalid(path, 1, `has no line ${FORMAT}`);
  for (const [index, { name, digest }] of principals.entries()) {
    const before = principals.slice(0, index);
    if (before.some((other) => other.name === name)) throw invalid(path, undefined, `names ${name} twice`);
    const same = before.find((other) => other.digest.equals(digest));
    if (same !== undefined) throw invalid(path, undefined, `gives ${same.name} and ${name} the same token`);
  }
  return principals;
}

/** The digest by which tokens are compared. */
export function tokenDigest(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}

function readLine(text: string, path: string, line: number): ConsolePrincipal {
  const [name = "", role = "", token = "", more] = text.split(/\s+/);
  if (token === "" || more !== undefined) throw invalid(path, line, `must be ${FORMAT}`);
  if (!NAME.test(name)) throw invalid(path, line, `has a name that is not 1 to 64 letters, digits, ".", "_" or "-"`);
  if (role !== "viewer" && role !== "operator") throw invalid(path, line, "has a role that is not viewer or operator");
  const [, hash] = HASH.exec(token) ?? [];
  if (hash === undefined && (token.startsWith("sha256:") || !TOKEN.test(token))) {
    throw invalid(
      path,
      line,
      "must have a token of 32 to 1024 printable ASCII characters, such as `openssl rand -hex 32` prints, or sha256: and the 64 hex digits of its digest",
    );
  }
  return { name, role, digest: hash === undefined ? tokenDigest(token) : Buffer.from(hash, "hex") };
}

/** Never shows the line, which holds a secret. */
function invalid(path: string, line: number | undefined, problem: string): SealwireError {
  const where = line === undefined ? "" : ` (line ${line})`;
  return new SealwireError("OPTIONS_INVALID", `The token file of the console ${path}${where} ${problem}.`);
}
