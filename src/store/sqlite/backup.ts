import { constants, existsSync, statSync } from "node:fs";
import { link, open, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { SealwireError } from "../../errors.ts";
import { type Random, systemRandom } from "../../runtime/random.ts";
import { openDatabase } from "./node-sqlite.ts";
import { noStore } from "./open-error.ts";
import { readLayout, SCHEMA_VERSION } from "./schema.ts";
import { sqliteCode } from "./storage-error.ts";
import { markAsCopy } from "./store-state.ts";

const COPY_OF_ANOTHER = "A store in a database is copied by the database's own tools (pg_dump).";

/** What to copy, and where to. */
export interface BackupOptions {
  /** The store's database file. A server may be using it. */
  readonly path: string;
  /** A new file. */
  readonly to: string;
  readonly random?: Random;
}

/**
 * Copies a store as of one moment into a new file that only its owner can read, without stopping or slowing the server
 * that owns it. Resolves with the copy's size in bytes when it is on disk; until then no file of that name is there.
 * Throws OPTIONS_INVALID if there is no store or the file exists, STORE_INCOMPATIBLE for another layout.
 */
export async function backupSqliteStore({ path, to, random = systemRandom }: BackupOptions): Promise<number> {
  if (!existsSync(path)) throw noStore(path, COPY_OF_ANOTHER);
  refuseExisting(to);
  const partial = `${to}.${random.uuid()}.tmp`;
  try {
    await (await open(partial, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY, 0o600)).close();
    copy(path, partial);
    await sync(partial);
    // A link, unlike a rename, fails if somebody made the file meanwhile.
    await link(partial, to);
  } catch (thrown) {
    refuseExisting(to);
    throw sqliteCode(thrown) === undefined ? thrown : copyFailed(path, thrown);
  } finally {
    await rm(partial, { force: true });
  }
  await sync(dirname(to));
  return statSync(to).size;
}

/** One statement, so one snapshot: writers go on beside it, and nothing of deleted rows is left in the copy. */
function copy(path: string, partial: string): void {
  using source = openDatabase(path, { readOnly: true });
  const { layout } = readLayout(source, path);
  if (layout < 1 || layout > SCHEMA_VERSION) {
    throw new SealwireError(
      "STORE_INCOMPATIBLE",
      `"${path}" has layout ${layout}, this sealwire copies layouts up to ${SCHEMA_VERSION}.`,
    );
  }
  source.prepare("VACUUM INTO ?").run(partial);
  using target = openDatabase(partial);
  markAsCopy(target);
}

async function sync(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function refuseExisting(path: string): void {
  if (!existsSync(path)) return;
  throw new SealwireError("OPTIONS_INVALID", `${path} exists and is not overwritten.\nName another file.`);
}

function copyFailed(path: string, cause: unknown): SealwireError {
  const { message } = cause as Error;
  return new SealwireError("OPTIONS_INVALID", `"${path}" cannot be copied: ${message}.\nCheck the file and the room.`, {
    cause,
  });
}
