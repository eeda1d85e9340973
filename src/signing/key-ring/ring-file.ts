import { realpath } from "node:fs/promises";
import { SealwireError } from "../../errors.ts";
import { withFileLock } from "../../files/file-lock.ts";
import { readPrivateFile } from "../../files/private-file.ts";
import { createPrivateFile, replacePrivateFile } from "../../files/private-file-write.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Random } from "../../runtime/random.ts";
import { formatKeyRing, type KeyRingDocument, parseKeyRing } from "./document.ts";
import { buildKeyRing } from "./key-ring.ts";
import type { KeyRing } from "./types.ts";

/** A key ring file, and the clock and random source to change it. */
export interface RingFileOptions {
  readonly path: string;
  readonly clock: Clock;
  readonly random: Random;
}

/** A key ring that was loaded from a file. */
export interface LoadedRing {
  readonly document: KeyRingDocument;
  readonly ring: KeyRing;
  /** Changes with every change of the file. */
  readonly version: string;
}

/** Reads and checks a key ring file. Throws KEY_RING_INVALID, also if users other than its owner can read it. */
export async function loadRingFile(path: string): Promise<LoadedRing> {
  const { bytes, version } = await readPrivateFile({ path, what: "key ring", reason: "KEY_RING_INVALID" });
  try {
    const document = parseKeyRing(bytes);
    return { document, ring: buildKeyRing(document), version };
  } finally {
    bytes.fill(0);
  }
}

/** Creates a key ring file with mode 0600. Throws OPTIONS_INVALID if the file exists. */
export async function createRingFile(path: string, document: KeyRingDocument): Promise<void> {
  buildKeyRing(document);
  await createPrivateFile(path, formatKeyRing(document));
}

/**
 * Changes a key ring file: takes its lock, reads it, applies `change`, checks the result and replaces the file.
 * Resolves to the new document once it is on disk. Throws KEY_RING_INVALID and the errors of `change`.
 */
export async function editRingFile(
  { path, clock, random }: RingFileOptions,
  change: (document: KeyRingDocument) => KeyRingDocument | Promise<KeyRingDocument>,
): Promise<KeyRingDocument> {
  await loadRingFile(path);
  try {
    // Replaces the target of a symlink and keeps the link.
    const file = await realpath(path);
    return await withFileLock({ path: file, clock, reason: "KEY_RING_INVALID", command: "sealwire keys" }, async () => {
      const document = await change((await loadRingFile(file)).document);
      buildKeyRing(document);
      await replacePrivateFile(file, formatKeyRing(document), random);
      return document;
    });
  } catch (error) {
    throw error instanceof SealwireError ? error : cannotChange(path, error);
  }
}

function cannotChange(path: string, cause: unknown): SealwireError {
  const problem = (cause as NodeJS.ErrnoException).code ?? (cause as Error).message;
  return new SealwireError("KEY_RING_INVALID", `The key ring ${path} cannot be changed (${problem}).`, { cause });
}
