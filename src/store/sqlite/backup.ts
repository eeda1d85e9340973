import { constants, existsSync, statSync } from "node:fs";
import { link, open, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { SealwireError } from "../../errors.ts";
import { openDatabase, sqliteCode } from "../../runtime/node-sqlite.ts";
import { type Random, systemRandom } from "../../runtime/random.ts";
import { noStore } from "./open-error.ts";
import { readLayout, SCHEMA_VERSION } from "./schema.ts";
import { markAsCopy } from "./store-state.ts";

const COPY_OF_ANOTHER = "A store in a database is copied by the database's own tools (pg_dump).";

/** Options of {@link backupSqliteStore}. */
export interface BackupOptions {
  /** The store's database file. A server may use it during the backup. */
  readonly path: string;
  /** The path of the new file. */
  readonly to: string;
  readonly random?: Random;
}

/**
 * Copies a snapshot of a store into a new file that only its owner can read. The server that uses the store is not
 * blocked. Resolves to the copy's size in bytes when it is on disk; before that the file does not exist. Throws
 * OPTIONS_INVALID if there is no store or the file exists, STORE_INCOMPATIBLE for another layout.
 */
export async function backupSqliteStore({ path, to, random = systemRandom }: BackupOptions): Promise<number> {
  if (!existsSync(path)) throw noStore(path, COPY_OF_ANOTHER);
  refuseExisting(to);
  const partial = `${to}.${random.uuid()}.tmp`;
  try {
    await (await open(partial, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY, 0o600)).close();
    copy(path, partial);
    await sync(partial);
    // Unlike rename, link fails if the file was created in the meantime.
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

/** VACUUM INTO copies one snapshot without blocking writers, and leaves no content of deleted rows in the copy. */
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
  return new SealwireError(
    "OPTIONS_INVALID",
    `"${path}" cannot be copied: ${message}.\nCheck the file and the free space.`,
    { cause },
  );
}
