import { constants } from "node:fs";
import { open, stat } from "node:fs/promises";
import { platform } from "node:os";
import { resolve } from "node:path";
import type { Reason } from "../errors.ts";
import { SealwireError } from "../errors.ts";
import { shellQuote } from "./shell-quote.ts";

/** The content of a file and its version. */
export interface PrivateFile {
  readonly bytes: Buffer;
  /** Changes with the content, the mode and the target of a symlink. */
  readonly version: string;
}

/** The file to read and its name in errors. */
export interface PrivateFileOptions {
  readonly path: string;
  /** Name of the file in messages, such as "key ring". */
  readonly what: string;
  readonly reason: Reason;
}

/**
 * Reads a file that holds secrets. Throws `reason` if the file does not exist or if users other than its owner have
 * access. A file of root may be readable for the group of a reader who is not root. The second line of the message is
 * the command that corrects the mode.
 */
export async function readPrivateFile(options: PrivateFileOptions): Promise<PrivateFile> {
  const { path, what, reason } = options;
  try {
    await using handle = await open(path, constants.O_RDONLY);
    const status = await handle.stat({ bigint: true });
    // The mode of a folder is not to be changed as that of a file.
    if (status.isDirectory()) throw new SealwireError(reason, `The ${what} ${resolve(path)} is a folder; give a file.`);
    // Windows has no such modes. Node reports 0666 for every file.
    if ((status.mode & forbiddenBits(status.uid)) !== 0n && platform() !== "win32") {
      const mode = (status.mode & 0o777n).toString(8).padStart(4, "0");
      const problem = `The ${what} ${path} has mode ${mode}: users other than its owner can read its secrets.`;
      throw new SealwireError(reason, `${problem}\nchmod 600 ${shellQuote(path)}`);
    }
    return { bytes: await handle.readFile(), version: fileVersion(status) };
  } catch (error) {
    throw error instanceof SealwireError ? error : cannotRead(options, error);
  }
}

/**
 * The mode bits that a file of secrets must not have. Root can pass a file, such as a mounted secret, to a server that
 * runs as another user only by that server's group.
 */
export function forbiddenBits(owner: bigint, reader = process.geteuid?.()): bigint {
  return owner === 0n && reader !== 0 ? 0o037n : 0o077n;
}

/** Identifies the version of a file without reading it. */
export function fileVersion(status: {
  dev: bigint;
  ino: bigint;
  ctimeNs: bigint;
  mtimeNs: bigint;
  size: bigint;
}): string {
  return [status.dev, status.ino, status.ctimeNs, status.mtimeNs, status.size].join(":");
}

/** The version of a file, with symlinks resolved, or the reason why it cannot be read. */
export async function currentVersion(path: string): Promise<string> {
  try {
    const status = await stat(path, { bigint: true });
    return fileVersion(status);
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}

function cannotRead({ path, what, reason }: PrivateFileOptions, cause: unknown): SealwireError {
  const { code = String(cause) } = cause as NodeJS.ErrnoException;
  const problem = code === "ENOENT" ? "there is no such file" : `it cannot be read (${code})`;
  return new SealwireError(reason, `The ${what} ${resolve(path)} is needed, but ${problem}.`, { cause });
}
