"""The messages of tools that come from MCP servers."""
