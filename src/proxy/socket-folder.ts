import { mkdir, stat } from "node:fs/promises";
import { platform } from "node:os";
import { dirname, resolve } from "node:path";
import { SealwireError } from "../errors.ts";
import { replaceableFolder } from "../files/folder-trust.ts";
import { shellQuote } from "../files/shell-quote.ts";

const OTHERS = 0o077;

/**
 * Ensures that only this user can reach a unix socket at `path`: its folder is created with mode 0700 if it is missing.
 * Throws OPTIONS_INVALID if it belongs to another user, if others have access, or if they could replace it.
 */
export async function ensurePrivateFolder(path: string): Promise<void> {
  const folder = dirname(resolve(path));
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const { mode, uid } = await stat(folder);
  // Windows has no such modes.
  if (platform() === "win32") return;
  if (uid !== process.geteuid?.()) {
    throw new SealwireError(
      "OPTIONS_INVALID",
      `The folder ${folder} belongs to another user, who could replace the socket in it; give a socket in a folder of your own.`,
    );
  }
  if ((mode & OTHERS) === 0) {
    const fault = replaceableFolder(folder);
    if (fault === undefined) return;
    throw new SealwireError("OPTIONS_INVALID", `The folder ${folder} of the socket can be replaced: ${fault}.`);
  }
  const shown = (mode & 0o777).toString(8).padStart(4, "0");
  const problem = `The folder ${folder} of the socket has mode ${shown}: other users have access to it.`;
  throw new SealwireError("OPTIONS_INVALID", `${problem}\nchmod 700 ${shellQuote(folder)}`);
}
