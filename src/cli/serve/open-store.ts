import { mkdir } from "node:fs/promises";
import { SealwireError } from "../../errors.ts";
import { systemClock as clock, sleep } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import { systemRandom as random } from "../../runtime/random.ts";
import { watchKeyRing } from "../../signing/key-ring/file-key-ring.ts";
import type { WatchedKeyRing } from "../../signing/key-ring/key-ring-watcher.ts";
import { type KeyUseWriter, keyUseFile, keyUsePath } from "../../signing/key-ring/use-log.ts";
import type { SharedStore } from "../../store/postgres/shared-store.ts";
import { openSqliteStore } from "../../store/sqlite/open.ts";
import type { Store } from "../../store/store.ts";
import { dataFolder } from "../input/data-folder.ts";
import type { ServeSettings } from "../input/settings.ts";

const TRY_AGAIN_MS = 1_000;
/** How long the start of a server waits for its store, in milliseconds. */
const STARTING_MS = 60_000;

/** A store as the settings name it. */
export interface OpenedStore {
  readonly store: Store;
  /** The same, where processes share it. */
  readonly shared: SharedStore | undefined;
}

/** Opens the store in the database that the settings name, else the one in the data folder. */
export async function openStore(settings: ServeSettings, logger: Logger): Promise<OpenedStore> {
  if (settings.store === undefined) {
    await mkdir(settings.data, { recursive: true, mode: 0o700 });
    const path = dataFolder(settings.data).store;
    const store = await onceAvailable(logger, () => openSqliteStore({ path, clock, random, logger }));
    return { store, shared: undefined };
  }
  const { openPostgresStore } = await import("../../store/postgres/open.ts");
  const { store: url, storeConnectionsMax: connectionsMax, requireSyncReplication } = settings;
  const shared = await openPostgresStore({ url, connectionsMax, requireSyncReplication, clock, random, logger });
  return { store: shared, shared };
}

/**
 * Opens a store, again and again while its disk is full or fails: a server that starts then waits as one that runs does.
 * Throws what `open` throws, and UNAVAILABLE after a while: whatever supervises the process is to see that it does not start.
 */
async function onceAvailable(logger: Logger, open: () => Promise<Store>): Promise<Store> {
  const giveUpAtMs = clock.monotonicMs() + STARTING_MS;
  for (let tries = 1; ; tries += 1) {
    try {
      return await open();
    } catch (error) {
      const passing = error instanceof SealwireError && error.reason === "UNAVAILABLE";
      if (!passing || clock.monotonicMs() >= giveUpAtMs) throw error;
      if (tries === 1) logger.error({ err: error }, "the store cannot be opened yet; it is tried again every second");
      await sleep(clock, TRY_AGAIN_MS);
    }
  }
}

/** A ring that is followed, and where the use of its keys is noted. */
export interface ServedKeyRing {
  readonly keyRing: WatchedKeyRing;
  readonly writeKeyUse: KeyUseWriter;
}

/** Follows the ring in the shared store if there are server secrets for it, else the one in the file. */
export async function followKeyRing(
  { keyRing: path, serverSecretFile }: ServeSettings,
  shared: SharedStore | undefined,
  logger: Logger,
): Promise<ServedKeyRing> {
  if (serverSecretFile !== undefined) {
    if (shared === undefined) throw new Error("server secrets without a shared store");
    const keyRing = await shared.watchKeyRing({ serverSecretFile });
    return { keyRing, writeKeyUse: (lastUse) => shared.recordKeyUse(lastUse) };
  }
  return { keyRing: await watchKeyRing({ path, clock, logger }), writeKeyUse: keyUseFile(keyUsePath(path), random) };
}
