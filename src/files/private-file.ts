import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { platform } from "node:os";
import { resolve } from "node:path";
import type { Reason } from "../errors.ts";
import { SealwireError } from "../errors.ts";
import { shellQuote } from "./shell-quote.ts";

/** A file that was read, and what tells it from its next version. */
export interface PrivateFile {
  readonly bytes: Buffer;
  /** Differs after every change of content, mode or of what a symlink points to. */
  readonly version: string;
}

/** Which file to read and how to speak of it in errors. */
export interface PrivateFileOptions {
  readonly path: string;
  /** Names the file in messages, such as "key ring". */
  readonly what: string;
  readonly reason: Reason;
}

/**
 * Reads a file that holds secrets. Throws the error of `reason` if the file is absent, or if its mode lets anyone but
 * its owner at it; root's may be readable for the group of a reader who is not root. The second line of that message is
 * the command that puts it right.
 */
export async function readPrivateFile(options: PrivateFileOptions): Promise<PrivateFile> {
  const { path, what, reason } = options;
  try {
    await using handle = await open(path, constants.O_RDONLY);
    const status = await handle.stat({ bigint: true });
    // Windows has no such modes: Node shows 0666 for every file there.
    if ((status.mode & forbiddenBits(status.uid)) !== 0n && platform() !== "win32") {
      const mode = (status.mode & 0o777n).toString(8).padStart(4, "0");
      const problem = `The ${what} ${path} has mode ${mode}: others than its owner can get at its secrets.`;
      throw new SealwireError(reason, `${problem}\nchmod 600 ${shellQuote(path)}`);
    }
    return { bytes: await handle.readFile(), version: fileVersion(status) };
  } catch (error) {
    throw error instanceof SealwireError ? error : cannotRead(options, error);
  }
}

/**
 * The bits that a file of secrets may not have. What root hands out to a server that is not root, such as a mounted secret,
 * it can only hand to the server's group.
 */
export function forbiddenBits(owner: bigint, reader = process.geteuid?.()): bigint {
  return owner === 0n && reader !== 0 ? 0o037n : 0o077n;
}

/** Tells one version of a file from the next, without reading it. */
export function fileVersion(status: {
  dev: bigint;
  ino: bigint;
  ctimeNs: bigint;
  mtimeNs: bigint;
  size: bigint;
}): string {
  return [status.dev, status.ino, status.ctimeNs, status.mtimeNs, status.size].join(":");
}

function cannotRead({ path, what, reason }: PrivateFileOptions, cause: unknown): SealwireError {
  const { code = String(cause) } = cause as NodeJS.ErrnoException;
  const problem = code === "ENOENT" ? "there is no such file" : `it cannot be read (${code})`;
  return new SealwireError(reason, `The ${what} ${resolve(path)} is needed, but ${problem}.`, { cause });
}
