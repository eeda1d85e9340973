import { IDENTIFIER, JsonFields } from "../../files/json-fields.ts";

/** An accepted definition of a tool. */
export interface PinnedTool {
  readonly digest: string;
  /** When it was accepted, in Unix milliseconds. */
  readonly pinnedAtMs: number;
  /** The lines of the definition. */
  readonly lines: readonly string[];
}

/** The accepted definitions by server id and tool name. */
export type PinDocument = ReadonlyMap<string, ReadonlyMap<string, PinnedTool>>;

const VERSION = 1;
const DIGEST = { pattern: /^[0-9a-f]{64}$/, expected: "64 lower-case hex digits" };
const TOOL = { pattern: /^[a-z][a-z0-9_]{0,127}$/, expected: "the name of a tool" };

/** Reads a parsed pin file. Throws {@link JsonFieldError}. */
export function readPinDocument(json: unknown): PinDocument {
  const root = new JsonFields(json);
  root.number("version", { least: VERSION, most: VERSION });
  const servers = root.object("servers");
  const document = new Map<string, ReadonlyMap<string, PinnedTool>>();
  for (const serverId of servers.names()) {
    if (!IDENTIFIER.pattern.test(serverId)) servers.fail(serverId, `the name must be ${IDENTIFIER.expected}`);
    document.set(serverId, readTools(servers.object(serverId)));
  }
  root.end();
  return document;
}

function readTools(tools: JsonFields): Map<string, PinnedTool> {
  const read = new Map<string, PinnedTool>();
  for (const name of tools.names()) {
    if (!TOOL.pattern.test(name)) tools.fail(name, `the name must be ${TOOL.expected}`);
    const fields = tools.object(name);
    const digest = fields.text("digest", DIGEST);
    const pinnedAtMs = fields.time("pinned_at");
    read.set(name, { digest, pinnedAtMs, lines: fields.texts("definition") });
    fields.end();
  }
  return read;
}

/** The text of a pin file. Servers and tools are sorted by name. */
export function pinText(document: PinDocument): string {
  const servers = sorted(document).map(([serverId, tools]) => {
    const entries = sorted(tools).map(([name, { digest, pinnedAtMs, lines }]) => {
      return [name, { digest, pinned_at: new Date(pinnedAtMs).toISOString(), definition: lines }];
    });
    return [serverId, Object.fromEntries(entries)];
  });
  return `${JSON.stringify({ version: VERSION, servers: Object.fromEntries(servers) }, null, 2)}\n`;
}

function sorted<T>(map: ReadonlyMap<string, T>): [string, T][] {
  return [...map].sort(([one], [other]) => (one < other ? -1 : 1));
}
