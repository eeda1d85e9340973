import { watch } from "node:fs";

/**
 * Calls `onChange` with the name of what changed in a folder, `null` if the system does not tell it. Only a hint: some
 * file systems report nothing, and a folder that cannot be watched is no error.
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
