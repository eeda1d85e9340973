import { constants } from "node:fs";
import { open, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { SealwireError } from "../errors.ts";
import type { Random } from "../runtime/random.ts";
import type { ReadableText } from "./readable-text.ts";

const CREATE = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY;

/**
 * Creates a file that only its owner can read (mode 0600). Resolves when it is on disk. Throws OPTIONS_INVALID if the
 * file exists.
 */
export async function createPrivateFile(path: string, text: ReadableText): Promise<void> {
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
 * Replaces a file atomically, or creates it. The new file has mode 0600 and the owner of the old one. If root had made
 * the old file readable for a group, the new one is, too. Readers see the old or the new content, never a part. Once
 * the promise resolves, the new content survives a power loss.
 */
export async function replacePrivateFile(path: string, text: ReadableText, random: Random): Promise<void> {
  const temporary = `${path}.${random.uuid()}.tmp`;
  try {
    await write(temporary, text, await accessOf(path));
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(path);
}

/** Owner, group and mode of a file. */
interface Access {
  readonly owner: number;
  readonly group: number;
  readonly mode: number;
}

const UNCHANGED = -1;
const GROUP_MAY_READ = 0o040;
const OWN: Access = { owner: UNCHANGED, group: UNCHANGED, mode: 0o600 };

/**
 * An administrator may change the key ring of a server that runs as another user. The server must be able to read it
 * afterwards.
 */
async function accessOf(path: string): Promise<Access> {
  const status = await stat(path).catch(() => undefined);
  if (status === undefined) return OWN;
  const isOpened = status.uid === 0 && (status.mode & GROUP_MAY_READ) !== 0;
  return { owner: status.uid, group: isOpened ? status.gid : UNCHANGED, mode: isOpened ? 0o640 : 0o600 };
}

async function write(path: string, text: string, { owner, group, mode }: Access = OWN): Promise<void> {
  const handle = await open(path, CREATE, 0o600);
  try {
    await handle.chown(owner, group);
    if (mode !== OWN.mode) await handle.chmod(mode);
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
