import { mkdir } from "node:fs/promises";
import { SealwireError } from "../../errors.ts";
import { systemClock as clock, sleep } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import { systemRandom as random } from "../../runtime/random.ts";
import { watchKeyRing } from "../../signing/key-ring/file-key-ring.ts";
import type { WatchedKeyRing } from "../../signing/key-ring/key-ring-watcher.ts";
import type { ServerSecretSource } from "../../signing/key-ring/server-secret-source.ts";
import { type KeyUseWriter, keyUseFile, keyUsePath } from "../../signing/key-ring/use-log.ts";
import type { SharedStore } from "../../store/postgres/shared-store.ts";
import { openSqliteStore } from "../../store/sqlite/open.ts";
import type { Store } from "../../store/store.ts";
import { dataFolder } from "../input/data-folder.ts";
import { openServerSecrets, type SecretContext } from "../input/server-secrets.ts";
import type { ServeSettings } from "../input/settings.ts";

const TRY_AGAIN_MS = 1_000;
/** Time limit for opening the store at the start of a server, in milliseconds. */
const STARTING_MS = 60_000;

/** The opened store of the settings. */
export interface OpenedStore {
  readonly store: Store;
  /** The same store if it is shared; `undefined` for a store in a folder. */
  readonly shared: SharedStore | undefined;
}

/** Opens the shared store in the settings, or else the store in the data folder. */
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
 * Opens a store, and retries while its disk is full or failing, as a running server does. Throws the errors of `open`,
 * and UNAVAILABLE after the time limit, so that a supervisor detects the failed start.
 */
async function onceAvailable(logger: Logger, open: () => Promise<Store>): Promise<Store> {
  const giveUpAtMs = clock.monotonicMs() + STARTING_MS;
  for (let tries = 1; ; tries += 1) {
    try {
      return await open();
    } catch (error) {
      const passing = error instanceof SealwireError && error.reason === "UNAVAILABLE";
      if (!passing || clock.monotonicMs() >= giveUpAtMs) throw error;
      if (tries === 1) logger.error({ err: error }, "the store cannot be opened yet; retrying every second");
      await sleep(clock, TRY_AGAIN_MS);
    }
  }
}

/** Opens and loads the server secrets of a ring in the shared store; `undefined` if the ring is a file. */
export async function openServedSecrets(
  { serverSecretFile }: ServeSettings,
  context: Pick<SecretContext, "env" | "logger">,
): Promise<ServerSecretSource | undefined> {
  if (serverSecretFile === undefined) return undefined;
  const secrets = openServerSecrets(serverSecretFile, { ...context, clock });
  try {
    await secrets.load();
    return secrets;
  } catch (thrown) {
    await secrets[Symbol.asyncDispose]();
    throw thrown;
  }
}

/** A key ring that is reloaded on changes, with the log of its keys' use. */
export interface ServedKeyRing {
  readonly keyRing: WatchedKeyRing;
  readonly writeKeyUse: KeyUseWriter;
  /** Fetches the server secrets again, then reloads the ring. */
  renew(): Promise<void>;
}

/** What {@link followKeyRing} needs beside the settings. */
export interface FollowedRing {
  readonly shared: SharedStore | undefined;
  /** Server secrets of the ring in the shared store; `undefined` if the ring is a file. */
  readonly serverSecrets: ServerSecretSource | undefined;
  readonly logger: Logger;
}

/** Loads the key ring of the shared store if its server secrets are set, or else the key ring file. */
export async function followKeyRing(
  { keyRing: path }: ServeSettings,
  { shared, serverSecrets, logger }: FollowedRing,
): Promise<ServedKeyRing> {
  if (serverSecrets !== undefined) {
    if (shared === undefined) throw new Error("server secrets without a shared store");
    const keyRing = await shared.watchKeyRing({ serverSecrets });
    return {
      keyRing,
      writeKeyUse: (lastUse) => shared.recordKeyUse(lastUse),
      async renew() {
        await serverSecrets.renew();
        await keyRing.reload();
      },
    };
  }
  const keyRing = await watchKeyRing({ path, clock, logger });
  return { keyRing, writeKeyUse: keyUseFile(keyUsePath(path), random), renew: () => keyRing.reload() };
}
