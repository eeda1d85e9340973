import type { Route } from "./route.ts";
import { aboutRoutes } from "./routes/about.ts";
import { auditRoutes } from "./routes/audit.ts";
import { jobRoutes } from "./routes/jobs.ts";
import { keyRoutes } from "./routes/keys.ts";
import { overviewRoutes } from "./routes/overview.ts";
import { payloadRoutes } from "./routes/payloads.ts";
import { toolRoutes } from "./routes/tools.ts";
import type { ConsoleSource } from "./source.ts";

/** What the pages of a server's console read and do. */
export function consoleRoutes(source: ConsoleSource): readonly Route[] {
  return [
    ...overviewRoutes(source),
    ...jobRoutes(source),
    ...payloadRoutes(source),
    ...toolRoutes(source),
    ...keyRoutes(source),
    ...auditRoutes(source),
    ...aboutRoutes(source),
  ];
}
