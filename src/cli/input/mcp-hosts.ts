/** The MCP hosts for which `sealwire mcp config` prints a configuration. */
export const MCP_HOSTS = ["claude-desktop", "claude-code", "vscode", "cursor", "codex", "gemini"] as const;

/** One of {@link MCP_HOSTS}. */
export type McpHost = (typeof MCP_HOSTS)[number];
