import type { McpHost } from "../input/mcp-hosts.ts";

/** How a host starts a server. */
export interface ServerCommand {
  /** An absolute path. */
  readonly command: string;
  readonly args: readonly string[];
}

/** A configuration, and what to do with it. */
export interface HostConfig {
  readonly text: string;
  readonly place: string;
}

/** The configuration of a server for a host, in the format of its file. */
export function hostConfig(host: McpHost, name: string, { command, args }: ServerCommand): HostConfig {
  const server = { command, args };
  const json = (value: object): string => JSON.stringify(value, null, 2);
  switch (host) {
    case "claude-desktop":
      return {
        text: json({ mcpServers: { [name]: server } }),
        place: "Add it to claude_desktop_config.json (Settings, Developer, Edit Config), and start Claude again.",
      };
    case "claude-code":
      return {
        text: json({ mcpServers: { [name]: { type: "stdio", ...server } } }),
        place: "Add it to .mcp.json in the folder of your project.",
      };
    case "vscode":
      return {
        text: json({ servers: { [name]: { type: "stdio", ...server } } }),
        place: "Add it to .vscode/mcp.json in the folder of your project.",
      };
    case "cursor":
      return {
        text: json({ mcpServers: { [name]: server } }),
        place: "Add it to .cursor/mcp.json in the folder of your project, or to ~/.cursor/mcp.json.",
      };
    case "gemini":
      return {
        text: json({ mcpServers: { [name]: server } }),
        place: "Add it to .gemini/settings.json in the folder of your project, or to ~/.gemini/settings.json.",
      };
    case "codex":
      return { text: toml(name, server), place: "Add it to ~/.codex/config.toml." };
  }
}

/** The escapes of a JSON text are also those of a basic string in TOML. */
function toml(name: string, { command, args }: ServerCommand): string {
  const list = args.map((arg) => `  ${JSON.stringify(arg)},`);
  return [`[mcp_servers.${name}]`, `command = ${JSON.stringify(command)}`, "args = [", ...list, "]"].join("\n");
}
