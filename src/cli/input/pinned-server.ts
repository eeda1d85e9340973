import { join } from "node:path";
import { isSystemTool, notListed } from "../../client/contracts/contract-source.ts";
import { filePins, type PinFile } from "../../client/pins/pin-file.ts";
import { shownTool } from "../../client/pins/pinned-tools.ts";
import type { ShownTool } from "../../client/pins/tool-pins.ts";
import { readImage } from "../../wire/descriptors.ts";
import type { Terminal } from "../output/terminal.ts";
import { type ConnectionOptions, openCredentials } from "./connection-options.ts";
import { DEFAULT_DATA_FOLDER } from "./data-folder.ts";
import { openClient } from "./open-client.ts";

/** Options of the commands about accepted definitions. */
export interface PinOptions extends ConnectionOptions {
  readonly pin?: string;
  readonly json?: boolean;
}

/** Default of --pin for the commands that are about pins. */
export const DEFAULT_PIN_FILE = join(DEFAULT_DATA_FOLDER, "pins.json");

/** The accepted definitions of one server. */
export interface ServerPins {
  readonly pins: PinFile;
  readonly serverId: string;
}

/** The accepted definitions of a server, and its tools as they are. */
export interface PinnedServer extends ServerPins {
  /** By name, without the system tools. */
  readonly tools: ReadonlyMap<string, ShownTool>;
}

/** Opens the pin file for the server in the credentials. Sends no request. */
export async function openServerPins(terminal: Terminal, options: PinOptions): Promise<ServerPins> {
  const { serverId } = (await openCredentials(terminal, options)).current();
  return { pins: filePins({ path: options.pin ?? DEFAULT_PIN_FILE }), serverId };
}

/** Opens the pin file, and reads the server's tools. */
export async function openPinnedServer(terminal: Terminal, options: PinOptions): Promise<PinnedServer> {
  const server = await openServerPins(terminal, options);
  await using client = await openClient(terminal, options);
  const { tools, descriptorSet } = await client.listTools({ includeDescriptors: true });
  const image = readImage(descriptorSet);
  const shown = tools.flatMap((tool) => (isSystemTool(tool.name) ? [] : (shownTool(image, tool) ?? [])));
  return { ...server, tools: new Map(shown.map((tool) => [tool.name, tool])) };
}

/** The tools of these names. Throws TOOL_FORBIDDEN for one that the server does not list. */
export function namedTools({ tools }: PinnedServer, names: readonly string[]): ShownTool[] {
  return names.map((name) => {
    const tool = tools.get(name);
    if (tool === undefined) throw notListed({ name, what: `tool "${name}"` }, [...tools.keys()]);
    return tool;
  });
}
