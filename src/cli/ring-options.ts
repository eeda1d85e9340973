import { systemClock } from "../runtime/clock.ts";
import { systemRandom } from "../runtime/random.ts";
import type { KeyRingDocument } from "../signing/key-ring/document.ts";
import { editRingFile } from "../signing/key-ring/ring-file.ts";
import { dataFolder } from "./data-folder.ts";

/** Options of commands that work on a key ring. */
export interface RingOptions {
  readonly data?: string;
  readonly keyRing?: string;
}

/** The key ring file that the options name. */
export function ringPath({ data, keyRing }: RingOptions): string {
  return keyRing ?? dataFolder(data).keyRing;
}

/** Changes the key ring that the options name. */
export function editRing(
  options: RingOptions,
  change: (document: KeyRingDocument) => KeyRingDocument,
): Promise<KeyRingDocument> {
  return editRingFile({ path: ringPath(options), clock: systemClock, random: systemRandom }, change);
}
