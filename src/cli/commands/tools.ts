import { fromBinary, toJson } from "@bufbuild/protobuf";
import { ListToolsResponse } from "../../../gen/sealwire/system/v1/list_tools.ts";
import { isSystemTool, notListed } from "../../client/contracts/contract-source.ts";
import { shownTool } from "../../client/pins/pinned-tools.ts";
import { SealwireError } from "../../errors.ts";
import { toolJsonSchemas } from "../../schema/tool-schema.ts";
import { builtinImage, descriptorSetOf, findMethod, messageDesc, readImage } from "../../wire/descriptors.ts";
import type { ConnectionOptions } from "../input/connection-options.ts";
import { openClient } from "../input/open-client.ts";
import { openServerPins } from "../input/pinned-server.ts";
import { sayDifference } from "../output/definition-difference.ts";
import { ExitCode } from "../output/exit-code.ts";
import { toJsonLine, toShownJson } from "../output/json-output.ts";
import { printTable } from "../output/table.ts";
import type { Terminal } from "../output/terminal.ts";
import { printToolPage } from "../output/tool-page.ts";

interface ToolsOptions extends ConnectionOptions {
  readonly json?: boolean;
  readonly schema?: boolean;
  readonly pin?: string;
}

/** Lists the tools that the client may call, or describes one tool. */
export async function run(terminal: Terminal, name: string | undefined, options: ToolsOptions): Promise<ExitCode> {
  await using client = await openClient(terminal, options);
  const response = await client.listTools({
    includeDescriptors: name !== undefined || options.schema || options.pin !== undefined,
  });
  if (name !== undefined) describe(terminal, { name, response, options });
  else if (options.schema) terminal.print(toShownJson(terminal, schemasOf(response)));
  else if (options.json) terminal.print(toolsJson(response));
  else printList(terminal, response);
  return options.pin === undefined ? ExitCode.done : await pin(terminal, response, { ...options, pin: options.pin });
}

/** Pins the tools that are new, and says which have changed. */
async function pin(
  terminal: Terminal,
  { tools, descriptorSet }: ListToolsResponse,
  options: ToolsOptions & { readonly pin: string },
): Promise<ExitCode> {
  const { pins, serverId } = await openServerPins(terminal, options);
  const image = readImage(descriptorSet);
  let [added, changed] = [0, 0];
  for (const tool of tools) {
    const shown = isSystemTool(tool.name) ? undefined : shownTool(image, tool);
    const verdict = shown && (await pins.check(serverId, shown));
    if (verdict?.kind === "accepted" && verdict.isNew) added += 1;
    if (verdict?.kind !== "changed") continue;
    changed += 1;
    sayDifference(terminal, tool.name, verdict.difference);
  }
  if (added > 0) terminal.say(`${added} new definitions are pinned in ${options.pin}.`);
  if (changed === 0) return ExitCode.done;
  terminal.say("Accept what is right: sealwire mcp pins approve TOOL --pin FILE.");
  return ExitCode.changed;
}

function printList(terminal: Terminal, { tools }: ListToolsResponse): void {
  const rows = tools.map((tool) => [
    tool.name,
    tool.job === undefined ? "call" : "job",
    tool.readOnly ? "read-only" : tool.idempotent ? "idempotent" : "-",
    tool.requestType,
    tool.description.split("\n")[0] ?? "",
  ]);
  printTable(terminal, ["TOOL", "KIND", "EFFECT", "ARGUMENTS", "DESCRIPTION"], rows);
}

/** The answer as ProtoJSON. */
function toolsJson(response: ListToolsResponse): string {
  const desc = messageDesc(builtinImage(), "sealwire.system.v1.ListToolsResponse");
  const message = fromBinary(desc, ListToolsResponse.encode(response).finish());
  return toJsonLine(toJson(desc, message, { registry: builtinImage().registry }));
}

/** The JSON Schemas of the tools, by name. */
function schemasOf(response: ListToolsResponse): Readonly<Record<string, object>> {
  const schemas = [...toolJsonSchemas(response)].map(([name, { input, output }]) => [name, { input, output }] as const);
  return Object.fromEntries(schemas);
}

interface Wanted {
  readonly name: string;
  /** The answer of list_tools, with descriptors. */
  readonly response: ListToolsResponse;
  readonly options: ToolsOptions;
}

function describe(terminal: Terminal, { name, response, options }: Wanted): void {
  const tool = response.tools.find((each) => each.name === name);
  if (tool === undefined) {
    const names = response.tools.map((each) => each.name);
    throw notListed({ name, what: `tool "${name}"` }, names);
  }
  if (options.schema) {
    terminal.print(toShownJson(terminal, schemasOf({ ...response, tools: [tool] })[name]));
    return;
  }
  const image = readImage(response.descriptorSet);
  const method = findMethod(image, tool.method);
  if (method === undefined)
    throw new SealwireError("RESPONSE_INVALID", `The server lists ${name} without the contract of ${tool.method}.`);
  if (!options.json) {
    printToolPage(terminal, { tool, image, method, server: options });
    return;
  }
  const descriptorSet = descriptorSetOf(image, [`${method.parent.file.name}.proto`]);
  terminal.print(toolsJson({ tools: [tool], descriptorSet }));
}
