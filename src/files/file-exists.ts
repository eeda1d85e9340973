import { access } from "node:fs/promises";

/** True if a file or folder exists at the path. */
export function fileExists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
