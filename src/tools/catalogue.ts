import type { ListToolsResponse } from "../../gen/sealwire/system/v1/list_tools.ts";
import { SealwireError } from "../errors.ts";
import type { VerificationKey } from "../signing/key-ring/types.ts";
import { descriptorSetOf, type Image } from "../wire/descriptors.ts";
import type { Tool } from "./tool.ts";

/** What a key may call: its allow-list, and its role. */
export type Permissions = Pick<VerificationKey, "allows" | "role">;

/** The tools of a {@link Catalogue}. A worker has the tools of its contracts alone. */
export interface CatalogueTools {
  /** Those that every key may call. */
  readonly system: readonly Tool[];
  /** Makes those of the operator, for keys with a role. Called once, for the first such key. */
  readonly operator: () => readonly Tool[];
  /** Those of the contracts. */
  readonly tools: readonly Tool[];
}

/**
 * All tools of a server by name: the tools of its contracts, the system tools and the operator's. The latter have names
 * of their own, which only keys with a role see, so that a server may have tools of the same names for other keys.
 */
export class Catalogue {
  readonly #tools = new Map<string, Tool>();
  readonly #makeOperatorTools: () => readonly Tool[];
  #operatorTools: ReadonlyMap<string, Tool> | undefined;
  readonly #systemNames: ReadonlySet<string>;
  readonly #services = new Map<string, string[]>();
  readonly #image: Image;

  /** Throws OPTIONS_INVALID if two tools have the same name. */
  constructor(image: Image, { system, operator, tools }: CatalogueTools) {
    this.#image = image;
    this.#makeOperatorTools = operator;
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

  /** The names of the methods that are tools, by the full name of their service. Without the operator's. */
  get services(): ReadonlyMap<string, readonly string[]> {
    return this.#services;
  }

  /** Every tool but the operator's, in no particular order. */
  tools(): Iterable<Tool> {
    return this.#tools.values();
  }

  /** The tool, if it exists and the caller may use it. A forbidden tool is indistinguishable from a missing one. */
  find(name: string, key: Permissions): Tool | undefined {
    const { role } = key;
    const operated = role === undefined ? undefined : this.#operated().get(name);
    if (operated !== undefined && (role === "operator" || operated.description.readOnly)) return operated;
    const tool = this.#tools.get(name);
    return tool !== undefined && (this.#systemNames.has(name) || key.allows(name)) ? tool : undefined;
  }

  /**
   * The tool for a call through an RPC that streams its answers or does not. Throws TOOL_FORBIDDEN for a missing or
   * forbidden tool, TOOL_RPC_MISMATCH for one of the other RPC.
   */
  callable(name: string, key: Permissions, streaming: boolean): Tool {
    const tool = this.find(name, key);
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

  /** True if the tool is one of the operator's, and not another of the same name. */
  isOperatorTool(tool: Tool): boolean {
    return this.#operatorTools?.get(tool.name) === tool;
  }

  /** The answer of `list_tools` for a caller with these permissions. */
  list(key: Permissions, includeDescriptors: boolean): ListToolsResponse {
    const names = new Set([...this.#tools.keys(), ...(key.role === undefined ? [] : this.#operated().keys())]);
    const tools = [...names]
      .sort()
      .map((name) => this.find(name, key)?.description)
      .filter((description) => description !== undefined);
    const descriptorSet = includeDescriptors
      ? this.#descriptorsOf(tools.map(({ method }) => method))
      : new Uint8Array();
    return { tools, descriptorSet };
  }

  #operated(): ReadonlyMap<string, Tool> {
    this.#operatorTools ??= new Map(this.#makeOperatorTools().map((tool) => [tool.name, tool]));
    return this.#operatorTools;
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
