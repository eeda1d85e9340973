import { fromBinary, toJson } from "@bufbuild/protobuf";
import { ListToolsResponse } from "../../../gen/sealwire/system/v1/list_tools.ts";
import { builtinImage, messageDesc } from "../../wire/descriptors.ts";
import { ExitCode } from "../exit-code.ts";
import { toJsonLine } from "../json-output.ts";
import { openClient } from "../open-client.ts";
import type { ServerOptions } from "../server-options.ts";
import { printTable } from "../table.ts";
import type { Terminal } from "../terminal.ts";

/** Lists the tools that the client may call. */
export async function run(terminal: Terminal, options: ServerOptions & { readonly json?: boolean }): Promise<ExitCode> {
  await using client = await openClient(terminal, options);
  const response = await client.listTools();
  if (options.json) {
    const desc = messageDesc(builtinImage(), "sealwire.system.v1.ListToolsResponse");
    const message = fromBinary(desc, ListToolsResponse.encode(response).finish());
    terminal.print(toJsonLine(toJson(desc, message, { registry: builtinImage().registry })));
    return ExitCode.done;
  }
  const rows = response.tools.map((tool) => [
    tool.name,
    tool.job === undefined ? "call" : "job",
    tool.readOnly ? "read-only" : tool.idempotent ? "idempotent" : "-",
    tool.requestType,
    tool.description.split("\n")[0] ?? "",
  ]);
  printTable(terminal, ["TOOL", "KIND", "EFFECT", "ARGUMENTS", "DESCRIPTION"], rows);
  return ExitCode.done;
}
