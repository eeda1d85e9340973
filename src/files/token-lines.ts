import { createHash } from "node:crypto";
import { SealwireError } from "../errors.ts";
import { readPrivateFile } from "./private-file.ts";

/** The bearer of a token. */
export interface TokenBearer {
  readonly name: string;
  /** SHA-256 of the token. */
  readonly digest: Buffer;
}

/** How the lines of a token file are read. */
export interface TokenLineFormat<T extends TokenBearer> {
  /** What the file is called in messages. */
  readonly what: string;
  /** The words of a line in messages, such as "NAME TOKEN FILE". */
  readonly words: string;
  /** Reads a line; `undefined` if it does not have these words. */
  readonly read: (text: string, parse: TokenLineParser) => T | undefined;
  /** True if a file may name nobody. Default false. */
  readonly mayBeEmpty?: boolean;
}

/** Parses what all token files have. Its errors name file and line, and never show the line, which holds a secret. */
export interface TokenLineParser {
  bearer(name: string, token: string): TokenBearer;
  fail(problem: string): never;
}

/** A token of 32 hex digits has 128 bits. */
const TOKEN = /^[!-~]{32,1024}$/;
const HASH = /^sha256:([0-9a-f]{64})$/;
const NAME = /^[A-Za-z0-9._-]{1,64}$/;
const MADE_BY = "32 to 1024 printable ASCII characters, such as `openssl rand -hex 32` prints";

/**
 * Reads a file with a line for each bearer of a token, in which a token stands as it is or as `sha256:` and its digest in
 * hex. Empty lines and those that begin with # are ignored. Throws OPTIONS_INVALID naming the line, if a name or token
 * stands twice, and if other users can read the file.
 */
export async function readTokenLines<T extends TokenBearer>(
  path: string,
  { what, words, read, mayBeEmpty = false }: TokenLineFormat<T>,
): Promise<readonly T[]> {
  const fail = (problem: string, line?: number): never => {
    const where = line === undefined ? "" : ` (line ${line})`;
    throw new SealwireError("OPTIONS_INVALID", `The ${what} ${path}${where} ${problem}.`);
  };
  const { bytes } = await readPrivateFile({ path, what, reason: "OPTIONS_INVALID" });
  const lines = bytes.toString("utf8").split("\n");
  const bearers = lines.flatMap((line, index) => {
    const text = line.trim();
    if (text === "" || text.startsWith("#")) return [];
    const failHere = (problem: string): never => fail(problem, index + 1);
    const bearer = (name: string, token: string): TokenBearer => readBearer(name, token, failHere);
    return [read(text, { bearer, fail: failHere }) ?? failHere(`must be ${words}`)];
  });
  if (bearers.length === 0 && !mayBeEmpty) fail(`has no line ${words}`, 1);
  for (const [index, { name, digest }] of bearers.entries()) {
    const before = bearers.slice(0, index);
    if (before.some((other) => other.name === name)) fail(`names ${name} twice`);
    const same = before.find((other) => other.digest.equals(digest));
    if (same !== undefined) fail(`gives ${same.name} and ${name} the same token`);
  }
  return bearers;
}

function readBearer(name: string, token: string, fail: (problem: string) => never): TokenBearer {
  if (!NAME.test(name)) fail(`has a name that is not 1 to 64 letters, digits, ".", "_" or "-"`);
  const [, hash] = HASH.exec(token) ?? [];
  if (hash !== undefined) return { name, digest: Buffer.from(hash, "hex") };
  if (token.startsWith("sha256:") || !TOKEN.test(token)) {
    fail(`must have a token of ${MADE_BY}, or sha256: and the 64 hex digits of its digest`);
  }
  return { name, digest: tokenDigest(token) };
}

/** Reads a file that holds one token. White space around it is ignored. Throws OPTIONS_INVALID. */
export async function readOneToken(path: string): Promise<string> {
  const { bytes } = await readPrivateFile({ path, what: "token file", reason: "OPTIONS_INVALID" });
  const token = bytes.toString("latin1").trim();
  if (TOKEN.test(token)) return token;
  throw new SealwireError("OPTIONS_INVALID", `The token file ${path} must hold one token of ${MADE_BY}.`);
}

/** The digest by which tokens are compared. */
export function tokenDigest(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
