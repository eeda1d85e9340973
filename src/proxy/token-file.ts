import { SealwireError } from "../errors.ts";
import { readPrivateFile } from "../files/private-file.ts";

/** A token of 32 hex digits has 128 bits. */
const LEAST_LENGTH = 32;
const MOST_LENGTH = 1024;

/**
 * Reads the token that callers of a proxy must send. White space around it is ignored. Throws OPTIONS_INVALID if other
 * users can read the file, or if the token is short enough to be guessed.
 */
export async function readTokenFile(path: string): Promise<string> {
  const { bytes } = await readPrivateFile({ path, what: "token file", reason: "OPTIONS_INVALID" });
  const token = bytes.toString("latin1").trim();
  if (/^[!-~]+$/.test(token) && token.length >= LEAST_LENGTH && token.length <= MOST_LENGTH) return token;
  throw new SealwireError(
    "OPTIONS_INVALID",
    `The token file ${path} must hold one token of ${LEAST_LENGTH} to ${MOST_LENGTH} printable ASCII characters, such as \`openssl rand -hex 32\` prints.`,
  );
}
