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

/** The file of a ring, and what is needed to change it. */
export interface RingFileOptions {
  readonly path: string;
  readonly clock: Clock;
  readonly random: Random;
}

/** A key ring file that was read. */
export interface LoadedRing {
  readonly document: KeyRingDocument;
  readonly ring: KeyRing;
  /** Differs after every change of the file. */
  readonly version: string;
}

/** Reads and checks a key ring file. Throws KEY_RING_INVALID, also if others than its owner can read it. */
export async function loadRingFile(path: string): Promise<LoadedRing> {
  const { bytes, version } = await readPrivateFile({ path, what: "key ring", reason: "KEY_RING_INVALID" });
  try {
    const document = parseKeyRing(bytes);
    return { document, ring: buildKeyRing(document), version };
  } finally {
    bytes.fill(0);
  }
}

/** Makes a new key ring file, mode 0600. Throws OPTIONS_INVALID if there is a file already. */
export async function createRingFile(path: string, document: KeyRingDocument): Promise<void> {
  buildKeyRing(document);
  await createPrivateFile(path, formatKeyRing(document));
}

/**
 * Changes a key ring file: takes its lock, reads it, applies `change`, checks the outcome, and only then puts it in the
 * file's place. Resolves with the new document once it is on disk. Throws KEY_RING_INVALID and what `change` throws.
 */
export async function editRingFile(
  { path, clock, random }: RingFileOptions,
  change: (document: KeyRingDocument) => KeyRingDocument | Promise<KeyRingDocument>,
): Promise<KeyRingDocument> {
  await loadRingFile(path);
  try {
    // The file behind a symlink is the one to replace; the link itself stays.
    const file = await realpath(path);
    return await withFileLock(file, clock, async () => {
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
