import type { ListToolsResponse } from "../../gen/sealwire/system/v1/list_tools.ts";
import { SealwireError } from "../errors.ts";
import { descriptorSetOf, type Image } from "../wire/descriptors.ts";
import type { ToolImplementation } from "./implement.ts";
import { makeTool, type Tool } from "./tool.ts";

/** All tools of a server by name: the implemented tools and the system tools. */
export class Catalogue {
  readonly #tools = new Map<string, Tool>();
  readonly #systemNames = new Set<string>();
  readonly #image: Image;

  /**
   * Built once at the start. `system` implements the system tools; a worker has none. Throws OPTIONS_INVALID if two
   * tools have the same name or a service is not in the image.
   */
  constructor(image: Image, system: ToolImplementation | undefined, implementations: readonly ToolImplementation[]) {
    this.#image = image;
    for (const tool of system === undefined ? [] : toolsOf(image, system)) {
      this.#tools.set(tool.name, tool);
      this.#systemNames.add(tool.name);
    }
    for (const implementation of implementations) {
      for (const tool of toolsOf(image, implementation)) {
        if (tool.streaming) {
          throw new SealwireError(
            "OPTIONS_INVALID",
            `${tool.description.method} streams its response without being a job. Make it one: the option (sealwire.v1.job), and a field of type sealwire.v1.JobProgress in its response. Or make it unary.`,
          );
        }
        const other = this.#tools.get(tool.name);
        if (other !== undefined) {
          throw new SealwireError(
            "OPTIONS_INVALID",
            `${tool.description.method} and ${other.description.method} are both the tool "${tool.name}"; rename one with option (sealwire.v1.tool).name.`,
          );
        }
        this.#tools.set(tool.name, tool);
      }
    }
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

/** Makes the tools of an implemented service. */
function* toolsOf(image: Image, { definition, handlers }: ToolImplementation): Generator<Tool> {
  const service = image.registry.getService(definition.fullName);
  if (service === undefined) {
    throw new SealwireError(
      "OPTIONS_INVALID",
      `The descriptors do not contain the service ${definition.fullName}; pass the image built from its .proto in \`descriptors\`.`,
    );
  }
  for (const method of service.methods) {
    const handler = handlers.get(method.name);
    const methodDefinition = Object.values(definition.methods).find(({ name }) => name === method.name);
    if (handler === undefined || methodDefinition === undefined) {
      throw new SealwireError(
        "OPTIONS_INVALID",
        `${definition.fullName}.${method.name} is in the descriptors but not in the generated code; generate both from the same .proto.`,
      );
    }
    yield makeTool(image, method, methodDefinition, handler);
  }
}
