import { dirname, resolve } from "node:path";
import { readTokenLines, type TokenBearer } from "../../../files/token-lines.ts";

/** One line of a token file: who calls with a token, and with which credentials the calls are signed. */
export interface TokenEntry extends TokenBearer {
  /** The credentials file, as an absolute path. */
  readonly credentials: string;
}

/**
 * Reads a token file: a line `NAME TOKEN CREDENTIALS-FILE` for each principal (see {@link readTokenLines}). Relative paths
 * are those from the folder of the file. Throws OPTIONS_INVALID.
 */
export function readTokenEntries(path: string): Promise<readonly TokenEntry[]> {
  return readTokenLines(path, {
    what: "token file",
    words: "NAME TOKEN CREDENTIALS-FILE",
    read(text, { bearer }) {
      const [, name = "", token = "", file = ""] = /^(\S+)\s+(\S+)\s+(.+)$/.exec(text) ?? [];
      return file === "" ? undefined : { ...bearer(name, token), credentials: resolve(dirname(path), file) };
    },
  });
}
