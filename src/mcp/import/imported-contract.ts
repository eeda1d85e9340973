import type { Tool } from "@modelcontextprotocol/client";
import { systemClock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import { Connection } from "../servers/connection.ts";
import { type McpServerOptions, resolveMcpServers } from "../servers/options.ts";
import { loadClientPackage } from "../servers/packages.ts";
import { offeredName } from "../servers/tool-definition.ts";
import { NameScope, typeName } from "./proto-names.ts";
import { protoText } from "./proto-text.ts";
import { messageOf } from "./schema-fields.ts";

/** Options of {@link importContract}. */
export interface ImportOptions {
  readonly server: McpServerOptions;
  /** Package of the contract, for example "files.v1". */
  readonly packageName: string;
  readonly logger: Logger;
}

/** A typed contract with the names of its tools. */
export interface ImportedContract {
  readonly text: string;
  readonly tools: readonly string[];
}

/**
 * Asks an MCP server for its tools and writes a typed contract for them: a `.proto` with a message for each schema. What
 * a schema says and a message cannot is said in comments. Throws OPTIONS_INVALID.
 */
export async function importContract({ server, packageName, logger }: ImportOptions): Promise<ImportedContract> {
  const [resolved] = resolveMcpServers([server]);
  if (resolved === undefined) throw new TypeError("no server");
  const context = {
    sdk: await loadClientPackage(),
    server: resolved,
    clock: systemClock,
    logger,
    onListChanged() {},
    signal: new AbortController().signal,
  };
  const connection = await Connection.open(context, "auto").catch(() => Connection.open(context, "legacy"));
  try {
    const listed = await connection.list(resolved.startTimeoutMs);
    const names = listed.map(({ name }) => offeredName(resolved, name));
    return { text: contractText(listed, { names, service: typeName(resolved.name), packageName }), tools: names };
  } finally {
    await connection.close();
  }
}

interface ContractNames {
  /** The tools' names, in the order of the list. */
  readonly names: readonly string[];
  /** Begins the name of the service. */
  readonly service: string;
  readonly packageName: string;
}

/** The `.proto` of listed tools. */
export function contractText(listed: readonly Tool[], { names, service, packageName }: ContractNames): string {
  const methods = new NameScope();
  const messages = new NameScope();
  return protoText({
    packageName,
    service: `${service}ToolService`,
    comment: [`${service}ToolService has the tools of an MCP server, as it listed them once. It is yours to change.`],
    methods: listed.map((tool, index) => {
      const { name, title = "", description = "", inputSchema, outputSchema } = tool;
      const method = methods.take(typeName(name));
      return {
        name: method,
        tool: names[index] ?? name,
        title,
        comment:
          description === "" ? [`${method} calls the tool ${JSON.stringify(name)}.`] : description.split(/\r\n|\r|\n/),
        input: messageOf(messages.take(`${method}Request`), inputSchema),
        output:
          outputSchema === undefined
            ? textOutput(messages.take(`${method}Response`))
            : messageOf(messages.take(`${method}Response`), outputSchema),
      };
    }),
  });
}

/** The response of a tool without an output schema. */
function textOutput(name: string) {
  const comment = ["The tool states no output schema; its content is text."];
  const field = { name: "text", jsonName: undefined, type: "string", rules: new Map(), comment: ["The text."] };
  return { name, comment, fields: [field], messages: [] };
}
