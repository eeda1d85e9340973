import { constants } from "node:fs";
import { access, mkdir, rm, rmdir } from "node:fs/promises";
import { dirname } from "node:path";
import { SealwireError } from "../errors.ts";
import { type KeyRingTable, noKeyRing } from "../jobs/postgres/key-ring-table.ts";
import { KEY_RING_SETTLES_MS } from "../jobs/postgres/shared-key-ring.ts";
import { systemClock } from "../runtime/clock.ts";
import { systemRandom } from "../runtime/random.ts";
import { formatSharedRing, type KeyRingDocument } from "../signing/key-ring/document.ts";
import { withFileLock } from "../signing/key-ring/file-lock.ts";
import { buildKeyRing } from "../signing/key-ring/key-ring.ts";
import { createRingFile, editRingFile, loadRingFile } from "../signing/key-ring/ring-file.ts";
import {
  createServerSecrets,
  loadServerSecrets,
  replaceServerSecrets,
} from "../signing/key-ring/server-secret-file.ts";
import { keyUsePath, readKeyUse } from "../signing/key-ring/use-log.ts";
import { dataFolder } from "./data-folder.ts";
import { isSystemError } from "./failure.ts";
import { fileExists } from "./file-exists.ts";
import { namedStore } from "./store-option.ts";
import type { Terminal } from "./terminal.ts";

/** Options of commands that work on a key ring. */
export interface RingOptions {
  readonly data?: string;
  readonly keyRing?: string;
  readonly store?: string;
  readonly serverSecretFile?: string;
}

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

/** Opens the ring that the options name: in a file, or in the database of a shared store. */
export async function openKeyRing(options: RingOptions, env: Terminal["env"]): Promise<KeyRingAccess> {
  const store = namedStore(options.store, env);
  if (store === undefined || options.keyRing !== undefined) return new RingInFile(ringPath(options));
  const { serverSecretFile } = options;
  if (serverSecretFile === undefined) {
    const toDo = "Give --server-secret-file FILE, or --key-ring FILE for a ring in a file.";
    throw new SealwireError("OPTIONS_INVALID", `The key ring in a database needs its server secrets.\n${toDo}`);
  }
  const { openKeyRingTable } = await import("../jobs/postgres/open-key-ring.ts");
  return new RingInDatabase(await openKeyRingTable({ url: store }), serverSecretFile);
}

/** A key must not be used before every server knows it. */
export function newKeyWorksFrom({ settlesMs }: KeyRingAccess, nowMs: number): { readonly notBeforeMs?: number } {
  return settlesMs === 0 ? {} : { notBeforeMs: nowMs + settlesMs };
}

/** The key ring file that the options name. */
export function ringPath({ data, keyRing }: RingOptions): string {
  return keyRing ?? dataFolder(data).keyRing;
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

class RingInDatabase implements KeyRingAccess {
  readonly name = "in the database";
  readonly settlesMs = KEY_RING_SETTLES_MS;
  readonly #table: KeyRingTable;
  readonly #secretFile: string;

  constructor(table: KeyRingTable, secretFile: string) {
    this.#table = table;
    this.#secretFile = secretFile;
  }

  async exists(): Promise<boolean> {
    return (await this.#table.version()) > 0;
  }

  /** A file of server secrets that is there already is the one to use. */
  async create(ring: KeyRingDocument, change: RingChange): Promise<void> {
    const isNewFile = !(await fileExists(this.#secretFile));
    const secrets = isNewFile ? ring.serverSecrets : (await loadServerSecrets(this.#secretFile)).secrets;
    const document = await change({ ...ring, serverSecrets: secrets });
    buildKeyRing(document);
    formatSharedRing(document);
    if (isNewFile) await createServerSecrets(this.#secretFile, secrets);
    try {
      await this.#table.create(document);
    } catch (thrown) {
      if (isNewFile && !mayHaveCommitted(thrown)) await rm(this.#secretFile);
      throw thrown;
    }
  }

  async load(): Promise<KeyRingDocument> {
    const stored = await this.#table.read();
    if (stored === undefined) throw noKeyRing();
    return { ...stored.ring, serverSecrets: (await loadServerSecrets(this.#secretFile)).secrets };
  }

  edit(change: RingChange): Promise<KeyRingDocument> {
    return this.#alone(async () => {
      const { secrets: serverSecrets } = await loadServerSecrets(this.#secretFile);
      let changed: KeyRingDocument = { serverId: "", serverSecrets, keys: [] };
      await this.#table.edit(async (ring) => {
        changed = await change({ ...ring, serverSecrets });
        buildKeyRing(withKnownKeys(changed));
        formatSharedRing(changed);
        // A secret is in the file before anything comes from it; one too many does no harm.
        if (changed.serverSecrets !== serverSecrets) {
          await replaceServerSecrets(this.#secretFile, changed.serverSecrets, systemRandom);
        }
        return changed;
      });
      return changed;
    });
  }

  /** Two who add a secret at once must not lose one. Where the file cannot be replaced, as a mounted one, none is added. */
  async #alone<T>(action: () => Promise<T>): Promise<T> {
    const isReplaceable = await access(dirname(this.#secretFile), constants.W_OK).then(
      () => true,
      () => false,
    );
    return isReplaceable ? withFileLock(this.#secretFile, systemClock, action) : action();
  }

  lastUse(): Promise<ReadonlyMap<string, number>> {
    return this.#table.readUse();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#table[Symbol.asyncDispose]();
  }
}

/** A key whose secret is not in this file is none of this change's business. */
function withKnownKeys(document: KeyRingDocument): KeyRingDocument {
  const known = new Set(document.serverSecrets.map(({ id }) => id));
  const keys = document.keys.filter(({ origin }) => !("serverSecretId" in origin) || known.has(origin.serverSecretId));
  return { ...document, keys };
}
