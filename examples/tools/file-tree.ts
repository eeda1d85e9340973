import { createHash } from "node:crypto";
import { createReadStream, realpathSync } from "node:fs";
import { readdir, realpath } from "node:fs/promises";
import { join, relative, resolve, sep } from "node:path";
import { pipeline } from "node:stream/promises";
import { SealwireError } from "sealwire";
import type { FileChecksum } from "./gen/checksum/v1/hash_file.ts";

/** The files below one folder. Paths cannot leave it, neither by ".." nor by a link. */
export class FileTree {
  readonly #root: string;

  constructor(root: string) {
    this.#root = realpathSync(root);
  }

  /** Reads one file. Throws TOOL_FAILED if it does not exist. */
  async checksum(path: string, signal: AbortSignal): Promise<FileChecksum> {
    const file = await this.#inside(path);
    const hash = createHash("sha256");
    let sizeBytes = 0n;
    try {
      await pipeline(
        createReadStream(file),
        async (chunks: AsyncIterable<Buffer>) => {
          for await (const chunk of chunks) {
            hash.update(chunk);
            sizeBytes += BigInt(chunk.length);
          }
        },
        { signal },
      );
    } catch (error) {
      signal.throwIfAborted();
      throw notReadable(path, error);
    }
    return { path: this.#shown(file), sizeBytes, sha256: hash.digest("hex") };
  }

  /** Lists the regular files below a folder, sorted by path, without links. */
  async list(path: string, signal: AbortSignal): Promise<string[]> {
    const folder = await this.#inside(path);
    try {
      const entries = await readdir(folder, { recursive: true, withFileTypes: true });
      signal.throwIfAborted();
      return entries
        .filter((entry) => entry.isFile())
        .map((entry) => this.#shown(join(entry.parentPath, entry.name)))
        .sort();
    } catch (error) {
      signal.throwIfAborted();
      throw notReadable(path, error);
    }
  }

  async #inside(path: string): Promise<string> {
    const target = await realpath(resolve(this.#root, path)).catch((error: unknown) => {
      throw notReadable(path, error);
    });
    if (target !== this.#root && !target.startsWith(this.#root + sep)) throw notReadable(path);
    return target;
  }

  #shown(file: string): string {
    return relative(this.#root, file).replaceAll(sep, "/");
  }
}

/**
 * The same error for a missing path and for a path outside of the folder, so that it reveals nothing about other
 * folders.
 */
function notReadable(path: string, cause?: unknown): SealwireError {
  return new SealwireError("TOOL_FAILED", `There is nothing to read at "${path}".`, { status: "NOT_FOUND", cause });
}
