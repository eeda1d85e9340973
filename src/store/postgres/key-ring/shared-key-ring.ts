import type { Logger } from "../../../runtime/logger.ts";
import type { KeyRingChange } from "../../../signing/key-ring/changeable-key-ring.ts";
import { checkServerSecrets, derivableFrom } from "../../../signing/key-ring/derived-keys.ts";
import { type KeyEntry, keyRingError } from "../../../signing/key-ring/document.ts";
import { buildKeyRing } from "../../../signing/key-ring/key-ring.ts";
import {
  type FollowOptions,
  type KeyRingBackend,
  type WatchedKeyRing,
  watchBackend,
} from "../../../signing/key-ring/key-ring-watcher.ts";
import type { LoadedRing } from "../../../signing/key-ring/ring-file.ts";
import type { ServerSecretSource } from "../../../signing/key-ring/server-secret-source.ts";
import { isDenied } from "../database-error.ts";
import type { Notifications } from "../notifications.ts";
import { type KeyRingTable, noKeyRing } from "./key-ring-table.ts";

const POLL_MS = 2_000;

/** Time until every server knows a new key: two polls and a margin for clock differences, in milliseconds. */
export const KEY_RING_SETTLES_MS = 10_000;

/** Options of {@link watchSharedKeyRing}. */
export interface SharedRingOptions extends FollowOptions {
  readonly table: KeyRingTable;
  readonly notifications: Notifications;
  /** Where this server has the server secrets from. The caller disposes it. */
  readonly serverSecrets: ServerSecretSource;
}

/**
 * Loads the key ring of a shared store and reloads it when it changes: immediately after a notification, within two
 * seconds otherwise. While the database is unavailable the last ring stays in force. Throws KEY_RING_INVALID.
 */
export function watchSharedKeyRing(options: SharedRingOptions): Promise<WatchedKeyRing> {
  return watchBackend(tableBackend(options), options);
}

function tableBackend({
  table,
  notifications,
  serverSecrets: source,
  clock,
  logger,
}: SharedRingOptions): KeyRingBackend {
  let tableVersion = 0;
  let isStart = true;
  let unknown = "";
  return {
    name: "the key ring in the database",
    pollMs: POLL_MS,
    async version() {
      tableVersion = await table.version().catch(() => tableVersion);
      return `${tableVersion} ${await source.version()}`;
    },
    async load(): Promise<LoadedRing> {
      const stored = await table.read();
      if (stored === undefined) throw noKeyRing();
      const { secrets: serverSecrets, version } = await source.load();
      // Checked at the start only. Later the last key of these secrets may be revoked, and this change must be loaded.
      if (isStart)
        checkServerSecrets({ ring: stored.ring, secrets: serverSecrets, path: source.name, nowMs: clock.nowMs() });
      isStart = false;
      const isDerivable = derivableFrom(serverSecrets);
      const document = { ...stored.ring, serverSecrets, keys: stored.ring.keys.filter(isDerivable) };
      const others = stored.ring.keys.filter((key) => !isDerivable(key));
      for (const key of others) tellUnknown(key, logger);
      // The secret of a new key may have been added where this server has not looked since.
      const names = others.map(({ keyId }) => keyId).join(" ");
      if (names !== "" && names !== unknown) void source.renew();
      unknown = names;
      tableVersion = stored.version;
      return { document, ring: buildKeyRing(document), version: `${tableVersion} ${version}` };
    },
    change: (change) => changeRing(table, change),
    lastUse: () => table.readUse(),
    watch: (onChange) =>
      notifications.listen({ heard: (notification) => "keyRing" in notification && onChange(), resumed: onChange }),
  };
}

/** Throws KEY_RING_INVALID if the user of the store may only read the ring. */
async function changeRing(table: KeyRingTable, change: KeyRingChange): Promise<void> {
  try {
    // A retired or revoked key needs no secret of the ring.
    await table.edit(async (ring) => change({ ...ring, serverSecrets: [] }));
  } catch (thrown) {
    if (!isDenied((thrown as Error).cause)) throw thrown;
    throw keyRingError("the user of the store may not change it in the database", thrown);
  }
}

/**
 * Logs a key whose server secret is missing here. It must not prevent loading the ring, which may contain a revocation.
 */
function tellUnknown({ keyId, origin }: KeyEntry, logger: Logger): void {
  const secretId = "serverSecretId" in origin ? origin.serverSecretId : undefined;
  logger.error(
    { key_id: keyId, server_secret_id: secretId },
    "a key is derived from a server secret that this server does not have",
  );
}
