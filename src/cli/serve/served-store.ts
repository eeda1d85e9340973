import { readFile } from "node:fs/promises";
import { JsonFields } from "../../files/json-fields.ts";
import { parseJson } from "../../files/json-text.ts";
import { replacePrivateFile } from "../../files/private-file-write.ts";
import { type ReadableText, readableText } from "../../files/readable-text.ts";
import type { Logger } from "../../runtime/logger.ts";
import { systemRandom as random } from "../../runtime/random.ts";
import type { Store, StoreIdentity } from "../../store/store.ts";

/** A key ring and the store that it is served from. */
export interface ServedStore {
  /** Path of the key ring file. */
  readonly ringPath: string;
  readonly store: Store;
  readonly logger: Logger;
}

/** Path of the file beside a key ring that records the store from which it was last served. */
function servedStorePath(ringPath: string): string {
  return `${ringPath}.store`;
}

/**
 * Compares the store with the one from which the key ring was last served, and records it. A new store, or one restored
 * from an earlier copy, does not contain all accepted nonces of these keys, so it refuses all frames that may have been
 * accepted. A ring that was never served needs no such refusal. Throws UNAVAILABLE.
 */
export async function noteServedStore({ ringPath, store, logger }: ServedStore): Promise<void> {
  const { identity } = store;
  const path = servedStorePath(ringPath);
  const change = changeSince(await readNote(path), identity);
  if (change !== undefined) {
    await store.replay.distrust();
    logger.warn({ store: identity.id, note: path }, `${change}; frames that may have been accepted before are refused`);
  }
  try {
    await replacePrivateFile(path, formatNote(identity), random);
  } catch (error) {
    logger.warn(
      { err: error, note: path },
      "the key ring's folder cannot be written, so a replaced store would not be detected",
    );
  }
}

type Note = StoreIdentity | "absent" | "unreadable";

function changeSince(note: Note, { id, openings }: StoreIdentity): string | undefined {
  if (note === "absent") return undefined;
  if (note === "unreadable") return "the record of the store that the key ring was served from cannot be read";
  if (note.id !== id) return "the key ring was served from another store before";
  if (openings > 0 && note.openings >= openings)
    return "the store is an earlier copy of the one that was served before";
  return undefined;
}

function formatNote(identity: StoreIdentity): ReadableText {
  return readableText(`${JSON.stringify(identity, undefined, 2)}\n`, parseNote);
}

function parseNote(bytes: Uint8Array): StoreIdentity {
  const fields = new JsonFields(parseJson(bytes));
  return {
    id: fields.text("id"),
    openings: fields.number("openings", { least: 0, most: Number.MAX_SAFE_INTEGER }),
  };
}

async function readNote(path: string): Promise<Note> {
  try {
    return parseNote(await readFile(path));
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT" ? "absent" : "unreadable";
  }
}
