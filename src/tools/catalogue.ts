import type { ListToolsResponse } from "../../gen/sealwire/system/v1/list_tools.ts";
import { SealwireError } from "../errors.ts";
import { descriptorSetOf, type Image } from "../wire/descriptors.ts";
import type { Tool } from "./tool.ts";

/** All tools of a server by name: the tools of its contracts and the system tools. */
export class Catalogue {
  readonly #tools = new Map<string, Tool>();
  readonly #systemNames: ReadonlySet<string>;
  readonly #services = new Map<string, string[]>();
  readonly #image: Image;

  /** A worker has no system tools. Throws OPTIONS_INVALID if two tools have the same name. */
  constructor(image: Image, system: readonly Tool[], tools: readonly Tool[]) {
    this.#image = image;
    this.#systemNames = new Set(system.map(({ name }) => name));
    for (const tool of system) this.#tools.set(tool.name, tool);
    for (const tool of tools) {
      checkNoWatch(tool);
      const other = this.#tools.get(tool.name);
      if (other !== undefined) throw nameTaken(tool, other);
      this.#tools.set(tool.name, tool);
    }
    for (const { description } of this.#tools.values()) {
      const dot = description.method.lastIndexOf(".");
      const service = description.method.slice(0, dot);
      const methods = this.#services.get(service) ?? [];
      methods.push(description.method.slice(dot + 1));
      this.#services.set(service, methods);
    }
  }

  /** The names of the methods that are tools, by the full name of their service. */
  get services(): ReadonlyMap<string, readonly string[]> {
    return this.#services;
  }

  /** Every tool, in no particular order. */
  tools(): Iterable<Tool> {
    return this.#tools.values();
  }

  /** The tool, if it exists and the caller may use it. A forbidden tool is indistinguishable from a missing one. */
  find(name: string, allows: (tool: string) => boolean): Tool | undefined {
    const tool = this.#tools.get(name);
    return tool !== undefined && (this.#systemNames.has(name) || allows(name)) ? tool : undefined;
  }

  /**
   * The tool for a call through an RPC that streams its answers or does not. Throws TOOL_FORBIDDEN for a missing or
   * forbidden tool, TOOL_RPC_MISMATCH for one of the other RPC.
   */
  callable(name: string, allows: (tool: string) => boolean, streaming: boolean): Tool {
    const tool = this.find(name, allows);
    if (tool === undefined)
      throw new SealwireError("TOOL_FORBIDDEN", `The tool "${name}" does not exist or this key may not call it.`);
    if (tool.streaming === streaming) return tool;
    const method = tool.streaming ? "WatchJob" : "Call or CallStream";
    throw new SealwireError(
      "TOOL_RPC_MISMATCH",
      `Call the tool "${tool.name}" through sealwire.v1.ToolService/${method}.`,
    );
  }

  /** The job tool of this name; `undefined` if there is none. */
  jobTool(name: string): Tool | undefined {
    const tool = this.#tools.get(name);
    return tool?.policy === undefined ? undefined : tool;
  }

  /** True if the tool is a system tool, which every server has. */
  isSystemTool(name: string): boolean {
    return this.#systemNames.has(name);
  }

  /** The answer of `list_tools` for a caller with these permissions. */
  list(allows: (tool: string) => boolean, includeDescriptors: boolean): ListToolsResponse {
    const tools = [...this.#tools.keys()]
      .sort()
      .map((name) => this.find(name, allows)?.description)
      .filter((description) => description !== undefined);
    const descriptorSet = includeDescriptors
      ? this.#descriptorsOf(tools.map(({ method }) => method))
      : new Uint8Array();
    return { tools, descriptorSet };
  }

  #descriptorsOf(methods: readonly string[]): Uint8Array {
    const roots = new Set<string>();
    for (const method of methods) {
      const service = this.#image.registry.getService(method.slice(0, method.lastIndexOf(".")));
      if (service !== undefined) roots.add(`${service.file.name}.proto`);
    }
    return descriptorSetOf(this.#image, roots);
  }
}

function checkNoWatch({ streaming, description: { method } }: Tool): void {
  if (!streaming) return;
  throw new SealwireError(
    "OPTIONS_INVALID",
    `${method} streams its response without being a job. Make it one: the option (sealwire.v1.job), and a field of type sealwire.v1.JobProgress in its response. Or make it unary.`,
  );
}

function nameTaken(tool: Tool, other: Tool): SealwireError {
  const [one, two] = [tool, other].map(({ description, host }) =>
    host === undefined ? description.method : `${description.method} of ${host.name}`,
  );
  return new SealwireError(
    "OPTIONS_INVALID",
    `${one} and ${two} are both the tool "${tool.name}"; rename one with option (sealwire.v1.tool).name, or the server that it comes from.`,
  );
}
