import { watch } from "node:fs";

/**
 * Calls `onChange` with the name of each changed entry of a folder, or with `null` if the system does not report the
 * name. This is a hint only: some file systems report no changes, and a folder that cannot be watched is not an error.
 */
export function watchFolder(folder: string, onChange: (name: string | null) => void): Disposable {
  try {
    const watcher = watch(folder, { persistent: false }, (_event, name) => onChange(name));
    const close = () => watcher.close();
    watcher.on("error", close);
    return { [Symbol.dispose]: close };
  } catch {
    return { [Symbol.dispose]() {} };
  }
}
