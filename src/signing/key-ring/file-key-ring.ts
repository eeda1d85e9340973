import { stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { fileVersion } from "../../files/private-file.ts";
import { watchFolder } from "../../files/watch-folder.ts";
import { type Clock, systemClock } from "../../runtime/clock.ts";
import { silentLogger } from "../../runtime/logger.ts";
import { type FollowOptions, type KeyRingBackend, type WatchedKeyRing, watchBackend } from "./key-ring-watcher.ts";
import { loadRingFile } from "./ring-file.ts";

const POLL_MS = 1000;
/** An editor that writes in place reports several changes: look once they are over. */
const SETTLE_MS = 50;

/** Which file to follow, and with what. */
export interface WatchedRingOptions extends Partial<FollowOptions> {
  readonly path: string;
}

/**
 * Loads a key ring and follows its file, which is looked at every second and at once when the system reports a change
 * in its folder. A file that became unusable is logged once per change and leaves the last good ring in force. Throws
 * KEY_RING_INVALID if the file cannot be used at the start.
 *
 * @example
 * ```ts
 * await using keyRing = await watchKeyRing({ path: ".sealwire/keys.json" });
 * await using server = await createServer({ keyRing, store, tools });
 * ```
 */
export function watchKeyRing(options: WatchedRingOptions): Promise<WatchedKeyRing> {
  const { path, clock = systemClock, logger = silentLogger } = options;
  return watchBackend(fileBackend(path, clock), { clock, logger });
}

function fileBackend(path: string, clock: Clock): KeyRingBackend {
  return {
    name: path,
    pollMs: POLL_MS,
    version: () => currentVersion(path),
    load: () => loadRingFile(path),
    watch: (onChange) => watchFile(path, clock, onChange),
  };
}

function watchFile(path: string, clock: Clock, onChange: () => void): Disposable {
  let pending: Disposable | undefined;
  const watcher = watchFolder(dirname(path), (name) => {
    // A busy database may share the folder. Kubernetes swaps the symlink "..data" that the file's own link leads through.
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

/** The version of the file at the end of any symlinks, or why there is none. */
export async function currentVersion(path: string): Promise<string> {
  try {
    const status = await stat(path, { bigint: true });
    return fileVersion(status);
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}
