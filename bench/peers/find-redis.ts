import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** The path of redis-server; `undefined` if it is not installed. */
export function findRedis(): string | undefined {
  const paths = (process.env.PATH ?? "").split(delimiter).map((folder) => join(folder, "redis-server"));
  return paths.find((path) => existsSync(path));
}
