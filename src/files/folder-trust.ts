import { lstatSync, realpathSync, statSync } from "node:fs";
import { platform } from "node:os";
import { dirname, resolve } from "node:path";

const EVERYBODY_WRITES = 0o002;
/** In such a folder only the owner of an entry can replace it. */
const STICKY = 0o1000;

/**
 * Why any user of this machine could have made a folder, or could replace it by another of the same name: what is above
 * it allows that. `undefined` if none can. Follows symlinks. Throws the error of the file system.
 */
export function replaceableFolder(folder: string): string | undefined {
  // Windows has no such modes.
  if (platform() === "win32") return undefined;
  for (const way of new Set([resolve(folder), realpathSync(folder)])) {
    for (let entry = way, above = dirname(way); entry !== above; entry = above, above = dirname(above)) {
      const { mode } = statSync(above);
      if ((mode & EVERYBODY_WRITES) === 0) continue;
      if ((mode & STICKY) === 0) return `other users can write to ${above}, so chmod o-w it`;
      if (!isTrusted(lstatSync(entry).uid)) return `${entry} belongs to another user, who may have made it`;
    }
  }
  return undefined;
}

function isTrusted(uid: number): boolean {
  return uid === 0 || uid === process.geteuid?.();
}
