import { constants } from "node:fs";
import { access, mkdir, rm, rmdir } from "node:fs/promises";
import { dirname } from "node:path";
import { SealwireError } from "../../errors.ts";
import { fileExists } from "../../files/file-exists.ts";
import { withFileLock } from "../../files/file-lock.ts";
import { systemClock } from "../../runtime/clock.ts";
import { systemRandom } from "../../runtime/random.ts";
import { checkServerSecrets, derivableFrom } from "../../signing/key-ring/derived-keys.ts";
import { formatSharedRing, type KeyRingDocument, type ServerSecret } from "../../signing/key-ring/document.ts";
import { buildKeyRing } from "../../signing/key-ring/key-ring.ts";
import { createRingFile, editRingFile, loadRingFile } from "../../signing/key-ring/ring-file.ts";
import {
  createServerSecrets,
  loadServerSecrets,
  replaceServerSecrets,
} from "../../signing/key-ring/server-secret-file.ts";
import { keyUsePath, readKeyUse } from "../../signing/key-ring/use-log.ts";
import { type KeyRingTable, noKeyRing } from "../../store/postgres/key-ring/key-ring-table.ts";
import { KEY_RING_SETTLES_MS } from "../../store/postgres/key-ring/shared-key-ring.ts";
import { isSystemError } from "../output/failure.ts";
import { type Log, openLog } from "../output/log.ts";
import type { Terminal } from "../output/terminal.ts";
import { dataFolder } from "./data-folder.ts";
import { findPlace, type Named, type Place, type PlaceOptions } from "./place.ts";

/** Makes another ring of a ring. May be called again if somebody else was faster. */
export type RingChange = (document: KeyRingDocument) => KeyRingDocument | Promise<KeyRingDocument>;

/** A key ring that commands read and change, wherever it is kept. */
export interface KeyRingAccess extends AsyncDisposable {
  /** Names the ring to people. */
  readonly name: string;
  /** How long after a change every server knows of it, in milliseconds; 0: a moment. */
  readonly settlesMs: number;
  exists(): Promise<boolean>;
  /**
   * Puts what `change` makes of a new ring in place. Throws OPTIONS_INVALID if there is a ring, KEY_RING_INVALID if the
   * new one could not be read again, and what `change` throws; then there is none.
   */
  create(ring: KeyRingDocument, change: RingChange): Promise<void>;
  /** Throws KEY_RING_INVALID. */
  load(): Promise<KeyRingDocument>;
  /** Throws KEY_RING_INVALID, and what `change` throws; then nothing has changed. */
  edit(change: RingChange): Promise<KeyRingDocument>;
  /** When each key was last used, Unix milliseconds by key id. */
  lastUse(): Promise<ReadonlyMap<string, number>>;
}

/** What a command does with a ring. */
export interface RingUse {
  readonly env: Terminal["env"];
  /** False if the command does without the server secrets of a ring in a database, as where it only lists keys. */
  readonly secrets: boolean;
}

/**
 * Opens the ring that the options name: in a file, or in the database of a shared store, where a server with the same
 * options would find it. Throws OPTIONS_INVALID where they do not say which.
 */
export async function openKeyRing(options: PlaceOptions, { env, secrets }: RingUse): Promise<KeyRingAccess> {
  const place = await findPlace(options, env);
  const { data, store, keyRing, serverSecretFile } = place;
  if (keyRing !== undefined) return new RingInFile(keyRing.value);
  if (serverSecretFile === undefined && isServedFromFolder(place))
    return new RingInFile(dataFolder(data.value).keyRing);
  const { value: url, source } = store as Named;
  if (data.isTyped && serverSecretFile === undefined) throw eitherRing(source);
  if (secrets && serverSecretFile === undefined) throw noSecrets(source);
  const log = openLog("warn");
  try {
    const { openKeyRingTable } = await import("../../store/postgres/key-ring/open-key-ring.ts");
    return new RingInDatabase({
      table: await openKeyRingTable({ url, logger: log.logger }),
      secretFile: serverSecretFile?.value,
      log,
    });
  } catch (thrown) {
    await log[Symbol.asyncDispose]();
    throw thrown;
  }
}

/**
 * Without server secrets a server takes the ring in its data folder, whatever its store. So does a command that is given
 * the server's configuration, or the folder; one that is given a store alone means the ring in it.
 */
function isServedFromFolder({ data, store }: Place): boolean {
  return store === undefined || store.isConfigured || (data.isTyped && !store.isTyped);
}

/** A key must not be used before every server knows it. */
export function newKeyWorksFrom({ settlesMs }: KeyRingAccess, nowMs: number): { readonly notBeforeMs?: number } {
  return settlesMs === 0 ? {} : { notBeforeMs: nowMs + settlesMs };
}

/** True if a change that failed may be in place all the same: a database can be lost while it commits. */
export function mayHaveCommitted(thrown: unknown): boolean {
  const { reason } = SealwireError.from(thrown);
  return reason === "UNAVAILABLE" || (reason === "INTERNAL" && !isSystemError(thrown));
}

class RingInFile implements KeyRingAccess {
  readonly name: string;
  readonly settlesMs = 0;

  constructor(path: string) {
    this.name = path;
  }

  exists(): Promise<boolean> {
    return fileExists(this.name);
  }

  async create(ring: KeyRingDocument, change: RingChange): Promise<void> {
    const folder = dirname(this.name);
    const isNewFolder = (await mkdir(folder, { recursive: true, mode: 0o700 })) !== undefined;
    try {
      await createRingFile(this.name, await change(ring));
    } catch (thrown) {
      if (isNewFolder) await rmdir(folder).catch(() => {});
      throw thrown;
    }
  }

  async load(): Promise<KeyRingDocument> {
    return (await loadRingFile(this.name)).document;
  }

  edit(change: RingChange): Promise<KeyRingDocument> {
    return editRingFile({ path: this.name, clock: systemClock, random: systemRandom }, change);
  }

  lastUse(): Promise<ReadonlyMap<string, number>> {
    return readKeyUse(keyUsePath(this.name));
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** Where the parts of a ring in a database are. */
interface DatabaseRing {
  readonly table: KeyRingTable;
  /** `undefined` for whoever does without the secrets. */
  readonly secretFile: string | undefined;
  readonly log: Log;
}

class RingInDatabase implements KeyRingAccess {
  readonly name = "in the database";
  readonly settlesMs = KEY_RING_SETTLES_MS;
  readonly #table: KeyRingTable;
  readonly #secretFile: string | undefined;
  readonly #log: Log;

  constructor({ table, secretFile, log }: DatabaseRing) {
    this.#table = table;
    this.#secretFile = secretFile;
    this.#log = log;
  }

  async exists(): Promise<boolean> {
    return (await this.#table.version()) > 0;
  }

  /** A file of server secrets that is there already is the one to use. */
  async create(ring: KeyRingDocument, change: RingChange): Promise<void> {
    const path = this.#secretFile ?? never();
    const isNewFile = !(await fileExists(path));
    const secrets = isNewFile ? ring.serverSecrets : (await loadServerSecrets(path)).secrets;
    const document = await change({ ...ring, serverSecrets: secrets });
    buildKeyRing(document);
    formatSharedRing(document);
    if (isNewFile) await createServerSecrets(path, secrets);
    try {
      await this.#table.create(document);
    } catch (thrown) {
      if (isNewFile && !mayHaveCommitted(thrown)) await rm(path);
      throw thrown;
    }
  }

  /** Without a file of server secrets there are none in the document. */
  async load(): Promise<KeyRingDocument> {
    const stored = await this.#table.read();
    if (stored === undefined) throw noKeyRing();
    const path = this.#secretFile;
    return { ...stored.ring, serverSecrets: path === undefined ? [] : (await loadServerSecrets(path)).secrets };
  }

  edit(change: RingChange): Promise<KeyRingDocument> {
    const path = this.#secretFile;
    if (path === undefined) return this.#edit([], change);
    return alone(path, async () => {
      const { secrets } = await loadServerSecrets(path);
      return this.#edit(secrets, async (before) => {
        checkServerSecrets({ ring: before, secrets, path, nowMs: systemClock.nowMs() });
        const changed = await change(before);
        buildKeyRing({ ...changed, keys: changed.keys.filter(derivableFrom(changed.serverSecrets)) });
        // A secret is in the file before anything comes from it; one too many does no harm.
        if (changed.serverSecrets !== secrets) await replaceServerSecrets(path, changed.serverSecrets, systemRandom);
        return changed;
      });
    });
  }

  async #edit(serverSecrets: readonly ServerSecret[], change: RingChange): Promise<KeyRingDocument> {
    let changed: KeyRingDocument = { serverId: "", serverSecrets, keys: [] };
    await this.#table.edit(async (ring) => {
      changed = await change({ ...ring, serverSecrets });
      return changed;
    });
    return changed;
  }

  lastUse(): Promise<ReadonlyMap<string, number>> {
    return this.#table.readUse();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#table[Symbol.asyncDispose]();
    await this.#log[Symbol.asyncDispose]();
  }
}

/** Two who add a secret at once must not lose one. Where the file cannot be replaced, as a mounted one, none is added. */
async function alone<T>(secretFile: string, action: () => Promise<T>): Promise<T> {
  const isReplaceable = await access(dirname(secretFile), constants.W_OK).then(
    () => true,
    () => false,
  );
  return isReplaceable ? withFileLock(secretFile, systemClock, action) : action();
}

function noSecrets(source: string): SealwireError {
  const what = `The key ring in the database that ${source} names needs its server secrets.`;
  const toDo = "Give --server-secret-file FILE, or --key-ring FILE for a ring in a file.";
  return new SealwireError("OPTIONS_INVALID", `${what}\n${toDo}`);
}

function eitherRing(source: string): SealwireError {
  const what = `--data names the key ring in a folder, and ${source} the one in a database.`;
  const toDo = "Leave one of them out, or give --server-secret-file FILE for the ring in the database.";
  return new SealwireError("OPTIONS_INVALID", `${what}\n${toDo}`);
}

function never(): never {
  throw new Error("a ring in a database is made with its server secrets");
}
