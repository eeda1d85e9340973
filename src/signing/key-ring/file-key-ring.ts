import { basename, dirname } from "node:path";
import { currentVersion } from "../../files/private-file.ts";
import { watchFolder } from "../../files/watch-folder.ts";
import { type Clock, systemClock } from "../../runtime/clock.ts";
import { silentLogger } from "../../runtime/logger.ts";
import { type Random, systemRandom } from "../../runtime/random.ts";
import { type FollowOptions, type KeyRingBackend, type WatchedKeyRing, watchBackend } from "./key-ring-watcher.ts";
import { editRingFile, loadRingFile, type RingFileOptions } from "./ring-file.ts";
import { keyUsePath, readKeyUse } from "./use-log.ts";

const POLL_MS = 1000;
/** An editor that writes in place causes several notifications. The file is read after the last one. */
const SETTLE_MS = 50;

/** Options of {@link watchKeyRing}. */
export interface WatchedRingOptions extends Partial<FollowOptions> {
  readonly path: string;
  /** Default: the system's. */
  readonly random?: Random;
}

/**
 * Loads a key ring from a file and reloads it when the file changes. The file is checked every second and whenever the
 * system reports a change in its folder. A changed file that is invalid is logged once, and the last valid ring stays
 * in force. Throws KEY_RING_INVALID if the file is invalid at the start.
 *
 * @example
 * ```ts
 * await using keyRing = await watchKeyRing({ path: ".sealwire/keys.json" });
 * await using server = await createServer({ keyRing, store, tools });
 * ```
 */
export function watchKeyRing(options: WatchedRingOptions): Promise<WatchedKeyRing> {
  const { path, clock = systemClock, logger = silentLogger, random = systemRandom } = options;
  return watchBackend(fileBackend({ path, clock, random }), { clock, logger });
}

function fileBackend(file: RingFileOptions): KeyRingBackend {
  const { path, clock } = file;
  return {
    name: path,
    pollMs: POLL_MS,
    version: () => currentVersion(path),
    load: () => loadRingFile(path),
    watch: (onChange) => watchFile(path, clock, onChange),
    change: async (change) => void (await editRingFile(file, change)),
    lastUse: () => readKeyUse(keyUsePath(path)),
  };
}

function watchFile(path: string, clock: Clock, onChange: () => void): Disposable {
  let pending: Disposable | undefined;
  const watcher = watchFolder(dirname(path), (name) => {
    // Ignores other files, because a database may share the folder. Kubernetes replaces the symlink "..data", through
    // which the file's own symlink leads.
    const concerns = name === null || name === basename(path) || name.startsWith("..");
    if (!concerns || pending !== undefined) return;
    pending = clock.after(SETTLE_MS, () => {
      pending = undefined;
      onChange();
    });
  });
  return {
    [Symbol.dispose]() {
      pending?.[Symbol.dispose]();
      watcher[Symbol.dispose]();
    },
  };
}
