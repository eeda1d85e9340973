import { type McpServers, openMcpServers } from "../../mcp/servers/servers.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Environment } from "../../runtime/environment.ts";
import type { Logger } from "../../runtime/logger.ts";
import { withEnvironment } from "../input/mcp-server-settings.ts";
import type { ServeSettings } from "../input/settings.ts";

/** What MCP servers need from the process. */
export interface ServedMcpOptions {
  readonly env: Environment;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Starts the MCP servers in the settings. Throws OPTIONS_INVALID. */
export function openServedMcp(
  { mcpServers, mcpPin }: Pick<ServeSettings, "mcpServers" | "mcpPin">,
  { env, clock, logger }: ServedMcpOptions,
): Promise<McpServers> {
  const servers = mcpServers.map((setting) => withEnvironment(setting, env));
  return openMcpServers({ servers, ...(mcpPin !== undefined && { pinPath: mcpPin }), clock, logger });
}
