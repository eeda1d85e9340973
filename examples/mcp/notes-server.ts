import { Server } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";

/* An MCP server with one tool. Its description is the text in NOTES_DESCRIPTION. */

const { NOTES_DESCRIPTION: description = "Finds notes by a word." } = process.env;
const NOTES = ["buy milk", "call Ada", "milk the cow"];
const FIND = {
  name: "find",
  description,
  inputSchema: {
    type: "object" as const,
    properties: { word: { type: "string", minLength: 1 } },
    required: ["word"],
    additionalProperties: false,
  },
};

serveStdio(() => {
  const server = new Server({ name: "notes", version: "1.0.0" }, { capabilities: { tools: {} } });
  server.setRequestHandler("tools/list", () => ({ tools: [FIND] }));
  server.setRequestHandler("tools/call", ({ params: { arguments: args = {} } }) => ({
    content: NOTES.filter((note) => note.includes(String(args.word))).map((text) => ({ type: "text" as const, text })),
  }));
  return server;
});
