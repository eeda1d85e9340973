import { constants } from "node:fs";
import { open, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { SealwireError } from "../../errors.ts";
import type { Random } from "../../runtime/random.ts";

const CREATE = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY;

/**
 * Makes a new file that only its owner can read (mode 0600). Resolves when it is on disk. Throws OPTIONS_INVALID if
 * there is one already.
 */
export async function createPrivateFile(path: string, text: string): Promise<void> {
  try {
    await write(path, text);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") {
      const problem = `${path} exists and is not overwritten.`;
      throw new SealwireError("OPTIONS_INVALID", `${problem}\nName another file, or move that one away first.`);
    }
    await rm(path, { force: true });
    throw error;
  }
  await syncFolder(path);
}

/**
 * Puts a new file (mode 0600) in the place of one that may exist; its owner stays the owner. Readers see the old
 * content or the new, never a part; once it resolves, a power loss does not bring the old one back.
 */
export async function replacePrivateFile(path: string, text: string, random: Random): Promise<void> {
  const temporary = `${path}.${random.uuid()}.tmp`;
  try {
    await write(temporary, text, await ownerOf(path));
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(path);
}

const UNCHANGED = -1;

/** An administrator changes the ring of a server that runs as another user, which must be able to read it afterwards. */
async function ownerOf(path: string): Promise<number> {
  const status = await stat(path).catch(() => undefined);
  return status?.uid ?? UNCHANGED;
}

async function write(path: string, text: string, owner = UNCHANGED): Promise<void> {
  const handle = await open(path, CREATE, 0o600);
  try {
    await handle.chown(owner, UNCHANGED);
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function syncFolder(path: string): Promise<void> {
  const handle = await open(dirname(path), constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
