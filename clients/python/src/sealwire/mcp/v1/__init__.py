"""The generated messages of `sealwire.mcp.v1`: arguments and results of the tools of MCP servers."""

from sealwire.mcp.v1.call_tool_pb2 import CallToolRequest, CallToolResponse
from sealwire.mcp.v1.content_pb2 import (
    Annotations,
    AudioContent,
    Content,
    EmbeddedResource,
    ImageContent,
    ResourceLink,
    TextContent,
)

__all__ = [
    "Annotations",
    "AudioContent",
    "CallToolRequest",
    "CallToolResponse",
    "Content",
    "EmbeddedResource",
    "ImageContent",
    "ResourceLink",
    "TextContent",
]
