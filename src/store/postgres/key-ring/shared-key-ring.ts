import type { Logger } from "../../../runtime/logger.ts";
import { checkServerSecrets, derivableFrom } from "../../../signing/key-ring/derived-keys.ts";
import type { KeyEntry } from "../../../signing/key-ring/document.ts";
import { currentVersion } from "../../../signing/key-ring/file-key-ring.ts";
import { buildKeyRing } from "../../../signing/key-ring/key-ring.ts";
import {
  type FollowOptions,
  type KeyRingBackend,
  type WatchedKeyRing,
  watchBackend,
} from "../../../signing/key-ring/key-ring-watcher.ts";
import type { LoadedRing } from "../../../signing/key-ring/ring-file.ts";
import { loadServerSecrets } from "../../../signing/key-ring/server-secret-file.ts";
import type { Notifications } from "../notifications.ts";
import { type KeyRingTable, noKeyRing } from "./key-ring-table.ts";

const POLL_MS = 2_000;

/** How long until every server knows a key that was just made: two looks and something for clocks that differ, in milliseconds. */
export const KEY_RING_SETTLES_MS = 10_000;

/** Where the parts of a shared ring are. */
export interface SharedRingOptions extends FollowOptions {
  readonly table: KeyRingTable;
  readonly notifications: Notifications;
  /** The file of server secrets, which each server has for itself. */
  readonly serverSecretFile: string;
}

/**
 * Follows the key ring of a shared store: at once when another process says that it changed, within two seconds
 * otherwise. While the database is away the last ring stays in force. Throws KEY_RING_INVALID.
 */
export function watchSharedKeyRing(options: SharedRingOptions): Promise<WatchedKeyRing> {
  return watchBackend(tableBackend(options), options);
}

function tableBackend({
  table,
  notifications,
  serverSecretFile: path,
  clock,
  logger,
}: SharedRingOptions): KeyRingBackend {
  let tableVersion = 0;
  let isStart = true;
  return {
    name: "the key ring in the database",
    pollMs: POLL_MS,
    async version() {
      tableVersion = await table.version().catch(() => tableVersion);
      return `${tableVersion} ${await currentVersion(path)}`;
    },
    async load(): Promise<LoadedRing> {
      const stored = await table.read();
      if (stored === undefined) throw noKeyRing();
      const { secrets: serverSecrets, version } = await loadServerSecrets(path);
      // Later the last key of these secrets may be revoked, which must be heard of.
      if (isStart) checkServerSecrets({ ring: stored.ring, secrets: serverSecrets, path, nowMs: clock.nowMs() });
      isStart = false;
      const isDerivable = derivableFrom(serverSecrets);
      const document = { ...stored.ring, serverSecrets, keys: stored.ring.keys.filter(isDerivable) };
      for (const key of stored.ring.keys) if (!isDerivable(key)) tellUnknown(key, logger);
      tableVersion = stored.version;
      return { document, ring: buildKeyRing(document), version: `${tableVersion} ${version}` };
    },
    watch: (onChange) =>
      notifications.listen({ heard: (notification) => "keyRing" in notification && onChange(), resumed: onChange }),
  };
}

/** A key whose secret this server was not given yet must not keep it from hearing of a revocation. */
function tellUnknown({ keyId, origin }: KeyEntry, logger: Logger): void {
  const secretId = "serverSecretId" in origin ? origin.serverSecretId : undefined;
  logger.error({ key_id: keyId, server_secret_id: secretId }, "a key comes from a server secret not given here");
}
