import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { SealwireError } from "../errors.ts";

/** The file to read, its name in errors and its limit. */
export interface RegularFileOptions {
  readonly path: string;
  /** Completes "… cannot be read (ENOENT)." */
  readonly what: string;
  readonly maxBytes: number;
}

/**
 * Reads a file that may be replaced by anything while the process runs. Does not wait for the writer of a named pipe.
 * Throws OPTIONS_INVALID if there is no regular file, or a larger one.
 */
export function readRegularFile({ path, what, maxBytes }: RegularFileOptions): Buffer {
  const refused = (problem: string, cause?: unknown): SealwireError =>
    new SealwireError("OPTIONS_INVALID", `${what} cannot be read (${problem}).`, { cause });
  let file: number | undefined;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const status = fstatSync(file);
    if (status.isDirectory()) throw refused("EISDIR");
    if (!status.isFile()) throw refused("not a regular file");
    if (status.size > maxBytes) throw refused(`${status.size} bytes; ${maxBytes} are the most`);
    return readFileSync(file);
  } catch (cause) {
    if (cause instanceof SealwireError) throw cause;
    throw refused((cause as NodeJS.ErrnoException).code ?? "unknown", cause);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
