import { createRegistry, type DescMessage, type DescMethod, type Registry } from "@bufbuild/protobuf";
import type { ListToolsResponse } from "../../gen/sealwire/system/v1/list_tools.ts";
import { SealwireError } from "../errors.ts";
import { describeTool } from "../tools/tool.ts";
import { builtinImage, type Image, readImage } from "../wire/descriptors.ts";
import { unlessAborted } from "./deadline.ts";

/** What a caller has to know of a tool to encode its arguments and to read its result. */
export interface ToolContract {
  /** The name to call it by. */
  readonly tool: string;
  readonly input: DescMessage;
  readonly output: DescMessage;
  /** The types that JSON inside an Any may name. */
  readonly registry: Registry;
}

/** Fetches the server's tools with their descriptors, verified. */
export type FetchTools = () => Promise<ListToolsResponse>;

/** What a fetch brought. */
interface FetchedTools {
  readonly image: Image;
  readonly byName: ReadonlyMap<string, ToolContract>;
  readonly byMethod: ReadonlyMap<string, ToolContract>;
}

/** Packages whose services are not tools: the carrier itself and what gRPC servers have beside it. */
const NOT_TOOLS = /^(sealwire\.v1|grpc\..*|google\..*)$/;
const SYSTEM_SERVICE = "sealwire.system.v1.SystemToolService";

/** Finds a tool in an image by name; `undefined` if none or more than one of its services has it. */
export function findLocalContract(image: Image, tool: string): ToolContract | undefined {
  const found = [...methodsOf(image)].filter((method) => describeTool(image, method).name === tool);
  return found.length === 1 && found[0] !== undefined ? contractOf(image, found[0], tool) : undefined;
}

/**
 * The contracts a client knows: the system tools from its own image, others from the image it was given, and what that
 * lacks from the descriptors inside the server's signed `list_tools` answer, which is asked for once and kept. Never
 * from reflection, which nobody signs.
 */
export class Contracts {
  readonly #local: Image | undefined;
  readonly #fetch: FetchTools;
  #fetched: Promise<FetchedTools> | undefined;

  constructor(local: Image | undefined, fetch: FetchTools) {
    this.#local = local;
    this.#fetch = fetch;
  }

  /** Finds a tool by name. Throws TOOL_FORBIDDEN if the server does not show it to this client. */
  async forTool(tool: string, signal?: AbortSignal): Promise<ToolContract> {
    const system = builtinImage()
      .registry.getService(SYSTEM_SERVICE)
      ?.methods.find((method) => toolName(method) === tool);
    if (system !== undefined) return contractOf(builtinImage(), system, tool);
    const local = this.#local && findLocalContract(this.#local, tool);
    return local ?? (await this.#ask((tools) => tools.byName.get(tool), `tool ${tool}`, signal));
  }

  /** Finds the tool that a method of a contract is, by the full name `package.Service.Method`. */
  async forMethod(service: string, method: string, signal?: AbortSignal): Promise<ToolContract> {
    for (const image of [this.#local, builtinImage()]) {
      const found = image?.registry.getService(service)?.methods.find((candidate) => candidate.name === method);
      if (image !== undefined && found !== undefined) return contractOf(image, found, describeTool(image, found).name);
    }
    const path = `${service}.${method}`;
    return this.#ask((tools) => tools.byMethod.get(path), `tool for the method ${path}`, signal);
  }

  /** Finds a message type by full name. Throws OPTIONS_INVALID if neither this client nor the server knows it. */
  async forMessage(fullName: string, signal?: AbortSignal): Promise<DescMessage> {
    const desc = (await this.registry()).getMessage(fullName) ?? (await this.fullRegistry(signal)).getMessage(fullName);
    if (desc !== undefined) return desc;
    throw new SealwireError(
      "OPTIONS_INVALID",
      `Neither this client nor the server's tools know the message ${fullName}.`,
    );
  }

  /** All types that are known so far. */
  async registry(): Promise<Registry> {
    return this.#merge(await this.#fetched?.catch(() => undefined));
  }

  /** All types of this client and of the server's tools. */
  async fullRegistry(signal?: AbortSignal): Promise<Registry> {
    return this.#merge(await this.#tools(signal));
  }

  /** Where two hold one name, what the client was given counts. */
  #merge(fetched: FetchedTools | undefined): Registry {
    const images = [builtinImage(), fetched?.image, this.#local];
    return createRegistry(...images.flatMap((image) => (image === undefined ? [] : [image.registry])));
  }

  async #ask(
    select: (tools: FetchedTools) => ToolContract | undefined,
    what: string,
    signal: AbortSignal | undefined,
  ): Promise<ToolContract> {
    const known = this.#fetched;
    let contract = select(await this.#tools(signal));
    if (contract === undefined && known !== undefined) {
      // The list is from before; the server may have learned more since.
      if (this.#fetched === known) this.#fetched = undefined;
      contract = select(await this.#tools(signal));
    }
    if (contract !== undefined) return contract;
    throw new SealwireError("TOOL_FORBIDDEN", `The server's list_tools shows this client no ${what}.`);
  }

  /** One fetch serves all who ask meanwhile; a caller who gives up leaves it to the others. */
  async #tools(signal: AbortSignal | undefined): Promise<FetchedTools> {
    const pending = this.#fetched ?? this.#fetch().then(readTools);
    this.#fetched = pending;
    try {
      return await unlessAborted(pending, signal);
    } catch (error) {
      if (this.#fetched === pending && !signal?.aborted) this.#fetched = undefined;
      throw error;
    }
  }
}

function readTools({ tools, descriptorSet }: ListToolsResponse): FetchedTools {
  const image = readImage(descriptorSet);
  const byName = new Map<string, ToolContract>();
  const byMethod = new Map<string, ToolContract>();
  for (const { name, method: path } of tools) {
    const dot = path.lastIndexOf(".");
    const service = image.registry.getService(path.slice(0, dot));
    const method = service?.methods.find((candidate) => candidate.name === path.slice(dot + 1));
    if (method === undefined) continue;
    const contract = contractOf(image, method, name);
    byName.set(name, contract);
    byMethod.set(path, contract);
  }
  return { image, byName, byMethod };
}

function contractOf(image: Image, { input, output }: DescMethod, tool: string): ToolContract {
  return { tool, input, output, registry: image.registry };
}

function toolName(method: DescMethod): string {
  return describeTool(builtinImage(), method).name;
}

function* methodsOf(image: Image): Generator<DescMethod> {
  for (const type of image.registry) {
    if (type.kind === "service" && !NOT_TOOLS.test(type.file.proto.package)) yield* type.methods;
  }
}
