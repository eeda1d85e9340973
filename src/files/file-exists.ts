import { access } from "node:fs/promises";

/** True if there is something at the path. */
export function fileExists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
