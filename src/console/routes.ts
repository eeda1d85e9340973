import type { Route } from "./route.ts";
import { aboutRoutes } from "./routes/about.ts";
import { toolRoutes } from "./routes/tools.ts";
import type { ConsoleSource } from "./source.ts";

/** What the pages of a server's console read and do. */
export function consoleRoutes(source: ConsoleSource): readonly Route[] {
  return [...aboutRoutes(source), ...toolRoutes(source)];
}
