import { createHash } from "node:crypto";
import { dirname, resolve } from "node:path";
import { SealwireError } from "../../../errors.ts";
import { readPrivateFile } from "../../../files/private-file.ts";

/** One line of a token file: who calls with a token, and with which credentials the calls are signed. */
export interface TokenEntry {
  readonly name: string;
  /** SHA-256 of the token. */
  readonly digest: Buffer;
  /** The credentials file, as an absolute path. */
  readonly credentials: string;
}

/** A token of 32 hex digits has 128 bits. */
const TOKEN = /^[!-~]{32,1024}$/;
const HASH = /^sha256:([0-9a-f]{64})$/;
const NAME = /^[A-Za-z0-9._-]{1,64}$/;

/**
 * Reads a token file: a line `NAME TOKEN CREDENTIALS-FILE` for each principal, where TOKEN is a token or `sha256:` and
 * its digest in hex. Empty lines and those that begin with # are ignored. Relative paths are those from the folder of
 * the file. Throws OPTIONS_INVALID naming the line, and if other users can read the file.
 */
export async function readTokenEntries(path: string): Promise<readonly TokenEntry[]> {
  const { bytes } = await readPrivateFile({ path, what: "token file", reason: "OPTIONS_INVALID" });
  const lines = bytes.toString("utf8").split("\n");
  const entries = lines.flatMap((line, index) => {
    const text = line.trim();
    return text === "" || text.startsWith("#") ? [] : [readLine(text, path, index + 1)];
  });
  if (entries.length === 0) throw invalid(path, 1, `has no line ${FORMAT}`);
  for (const [index, { name, digest }] of entries.entries()) {
    const before = entries.slice(0, index);
    if (before.some((other) => other.name === name)) throw invalid(path, undefined, `names ${name} twice`);
    const same = before.find((other) => other.digest.equals(digest));
    if (same !== undefined) throw invalid(path, undefined, `gives ${same.name} and ${name} the same token`);
  }
  return entries;
}

const FORMAT = "NAME TOKEN CREDENTIALS-FILE";

function readLine(text: string, path: string, line: number): TokenEntry {
  const [, name = "", token = "", file = ""] = /^(\S+)\s+(\S+)\s+(.+)$/.exec(text) ?? [];
  if (file === "") throw invalid(path, line, `must be ${FORMAT}`);
  if (!NAME.test(name)) throw invalid(path, line, `has a name that is not 1 to 64 letters, digits, ".", "_" or "-"`);
  const [, hash] = HASH.exec(token) ?? [];
  if (hash === undefined && (token.startsWith("sha256:") || !TOKEN.test(token))) {
    throw invalid(
      path,
      line,
      "must have a token of 32 to 1024 printable ASCII characters, such as `openssl rand -hex 32` prints, or sha256: and the 64 hex digits of its digest",
    );
  }
  const digest = hash === undefined ? tokenDigest(token) : Buffer.from(hash, "hex");
  return { name, digest, credentials: resolve(dirname(path), file) };
}

/** The digest by which tokens are compared. */
export function tokenDigest(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}

/** Never shows the line, which holds a secret. */
function invalid(path: string, line: number | undefined, problem: string): SealwireError {
  const where = line === undefined ? "" : ` (line ${line})`;
  return new SealwireError("OPTIONS_INVALID", `The token file ${path}${where} ${problem}.`);
}
