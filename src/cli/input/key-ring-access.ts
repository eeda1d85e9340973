import { constants } from "node:fs";
import { access, mkdir, rm, rmdir } from "node:fs/promises";
import { dirname } from "node:path";
import { SealwireError } from "../../errors.ts";
import { fileExists } from "../../files/file-exists.ts";
import { withFileLock } from "../../files/file-lock.ts";
import { systemClock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import { systemRandom } from "../../runtime/random.ts";
import { checkServerSecrets, derivableFrom } from "../../signing/key-ring/derived-keys.ts";
import { formatSharedRing, type KeyRingDocument, type ServerSecret } from "../../signing/key-ring/document.ts";
import { buildKeyRing } from "../../signing/key-ring/key-ring.ts";
import { createRingFile, editRingFile, loadRingFile } from "../../signing/key-ring/ring-file.ts";
import { createServerSecrets, replaceServerSecrets } from "../../signing/key-ring/server-secret-file.ts";
import type { ServerSecretSource } from "../../signing/key-ring/server-secret-source.ts";
import { keyUsePath, readKeyUse } from "../../signing/key-ring/use-log.ts";
import { type KeyRingTable, noKeyRing } from "../../store/postgres/key-ring/key-ring-table.ts";
import { KEY_RING_SETTLES_MS } from "../../store/postgres/key-ring/shared-key-ring.ts";
import { isSystemError } from "../output/failure.ts";
import { type Log, openLog } from "../output/log.ts";
import type { Terminal } from "../output/terminal.ts";
import { dataFolder } from "./data-folder.ts";
import { type DataLocation, findLocation, type LocationOptions, type Named } from "./location.ts";
import { isSecretCommand, openServerSecrets } from "./server-secrets.ts";

/** Changes a key ring. It may be called again after a concurrent change. */
export type RingChange = (document: KeyRingDocument) => KeyRingDocument | Promise<KeyRingDocument>;

/** A key ring in a file or a database that commands read and change. */
export interface KeyRingAccess extends AsyncDisposable {
  /** Name of the ring in messages. */
  readonly name: string;
  /** Time until every server has loaded a change, in milliseconds; 0: immediately. */
  readonly settlesMs: number;
  exists(): Promise<boolean>;
  /**
   * Creates the ring that `change` makes of `ring`. Throws OPTIONS_INVALID if there is a ring, KEY_RING_INVALID if the
   * new one is invalid, and the errors of `change`. After an error no ring is created.
   */
  create(ring: KeyRingDocument, change: RingChange): Promise<void>;
  /** Throws KEY_RING_INVALID. */
  load(): Promise<KeyRingDocument>;
  /** Throws KEY_RING_INVALID and the errors of `change`. After an error the ring is unchanged. */
  edit(change: RingChange): Promise<KeyRingDocument>;
  /** Last use of each key, Unix milliseconds by key id. */
  lastUse(): Promise<ReadonlyMap<string, number>>;
}

/** How a command uses a key ring. */
export interface RingUse {
  readonly env: Terminal["env"];
  /** False if the command does not need the server secrets of a ring in a database, for example to list keys. */
  readonly secrets: boolean;
}

/**
 * Opens the key ring that a server with the same options would use: in a file, or in the database of a shared store.
 * Throws OPTIONS_INVALID if the options are ambiguous.
 */
export async function openKeyRing(options: LocationOptions, { env, secrets }: RingUse): Promise<KeyRingAccess> {
  const place = await findLocation(options, env);
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
      secrets: placeOf(serverSecretFile, { isNeeded: secrets, env, logger: log.logger }),
      log,
    });
  } catch (thrown) {
    await log[Symbol.asyncDispose]();
    throw thrown;
  }
}

/**
 * Without server secrets a server uses the ring in its data folder, for any store. A command with the server's
 * configuration or data folder does the same. A command with only a store uses the ring in that store.
 */
function isServedFromFolder({ data, store }: DataLocation): boolean {
  return store === undefined || store.isConfigured || (data.isTyped && !store.isTyped);
}

/** The start of validity of a new key: the time when every server has loaded it. */
export function newKeyWorksFrom({ settlesMs }: KeyRingAccess, nowMs: number): { readonly notBeforeMs?: number } {
  return settlesMs === 0 ? {} : { notBeforeMs: nowMs + settlesMs };
}

/** True if a failed change may have been committed, because the connection was lost during the commit. */
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

/** The server secrets that a command uses. */
interface SecretPlace {
  readonly source: ServerSecretSource;
  /** The file that they are in; `undefined` if a command prints them, which no secret can be added to. */
  readonly path: string | undefined;
}

/** `undefined` if the secrets are not given, or if a command would print them that are not needed. */
function placeOf(
  named: Named | undefined,
  { isNeeded, env, logger }: { readonly isNeeded: boolean; readonly env: Terminal["env"]; readonly logger: Logger },
): SecretPlace | undefined {
  if (named === undefined) return undefined;
  const isCommand = isSecretCommand(named.value);
  if (isCommand && !isNeeded) return undefined;
  const source = openServerSecrets(named.value, { env, clock: systemClock, logger });
  return { source, path: isCommand ? undefined : named.value };
}

/** The store and the server secrets of a ring in a database. */
interface DatabaseRing {
  readonly table: KeyRingTable;
  /** `undefined` if the secrets are not needed. */
  readonly secrets: SecretPlace | undefined;
  readonly log: Log;
}

class RingInDatabase implements KeyRingAccess {
  readonly name = "in the database";
  readonly settlesMs = KEY_RING_SETTLES_MS;
  readonly #table: KeyRingTable;
  readonly #secrets: SecretPlace | undefined;
  readonly #log: Log;

  constructor({ table, secrets, log }: DatabaseRing) {
    this.#table = table;
    this.#secrets = secrets;
    this.#log = log;
  }

  async exists(): Promise<boolean> {
    return (await this.#table.version()) > 0;
  }

  /** Uses existing server secrets. */
  async create(ring: KeyRingDocument, change: RingChange): Promise<void> {
    const { source, path } = this.#secrets ?? never();
    const newFile = path !== undefined && !(await fileExists(path)) ? path : undefined;
    const secrets = newFile === undefined ? (await source.load()).secrets : ring.serverSecrets;
    const document = await change({ ...ring, serverSecrets: secrets });
    buildKeyRing(document);
    formatSharedRing(document);
    if (newFile !== undefined) await createServerSecrets(newFile, secrets);
    try {
      await this.#table.create(document);
    } catch (thrown) {
      if (newFile !== undefined && !mayHaveCommitted(thrown)) await rm(newFile);
      throw thrown;
    }
  }

  /** Without server secrets the document contains none. */
  async load(): Promise<KeyRingDocument> {
    const stored = await this.#table.read();
    if (stored === undefined) throw noKeyRing();
    return { ...stored.ring, serverSecrets: (await this.#secrets?.source.load())?.secrets ?? [] };
  }

  edit(change: RingChange): Promise<KeyRingDocument> {
    if (this.#secrets === undefined) return this.#edit([], change);
    const { source, path } = this.#secrets;
    return alone(path, async () => {
      const { secrets } = await source.load();
      return this.#edit(secrets, async (before) => {
        checkServerSecrets({ ring: before, secrets, path: source.name, nowMs: systemClock.nowMs() });
        const changed = await change(before);
        buildKeyRing({ ...changed, keys: changed.keys.filter(derivableFrom(changed.serverSecrets)) });
        // Writes a new secret to the file before keys are derived from it. An unused secret is harmless.
        if (changed.serverSecrets !== secrets) {
          if (path === undefined) throw notAdded();
          await replaceServerSecrets(path, changed.serverSecrets, systemRandom);
        }
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
    await this.#secrets?.source[Symbol.asyncDispose]();
    await this.#table[Symbol.asyncDispose]();
    await this.#log[Symbol.asyncDispose]();
  }
}

/**
 * Locks the file, so that concurrent additions do not lose a secret. A file that cannot be replaced, such as a mounted
 * one, is not locked, because no secret is added to it.
 */
async function alone<T>(secretFile: string | undefined, action: () => Promise<T>): Promise<T> {
  if (secretFile === undefined) return action();
  const isReplaceable = await access(dirname(secretFile), constants.W_OK).then(
    () => true,
    () => false,
  );
  const lock = { path: secretFile, clock: systemClock, reason: "KEY_RING_INVALID", command: "sealwire keys" } as const;
  return isReplaceable ? withFileLock(lock, action) : action();
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

function notAdded(): SealwireError {
  const what = "A server secret cannot be added to the output of a command.";
  const toDo =
    "Save the output to a file of mode 0600, give that as --server-secret-file, and store it where the command reads it.";
  return new SealwireError("OPTIONS_INVALID", `${what}\n${toDo}`);
}

function never(): never {
  throw new Error("a ring in a database is made with its server secrets");
}
