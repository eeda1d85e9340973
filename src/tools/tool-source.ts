import type { DescMethod } from "@bufbuild/protobuf";
import { SealwireError } from "../errors.ts";
import type { Image } from "../wire/descriptors.ts";
import { makeTool, type Tool, type ToolRunner } from "./tool.ts";

/** The contract of a source, with the methods that are tools at this time. */
export interface SourceContract {
  /** The serialized FileDescriptorSet of its services, without Sealwire's own contract. */
  readonly descriptors: Uint8Array;
  /** Full names of the methods, such as "mcp.files.v1.ToolService.ReadFile". Methods that are missing are not offered. */
  readonly methods: ReadonlySet<string>;
}

/** Offers tools that it runs itself, and that may change while a server runs. */
export interface ToolSource {
  /** Names it in messages, for example `the MCP server "files"`. */
  readonly name: string;
  /** `undefined` until it is known. A changed contract is another object. */
  readonly contract: SourceContract | undefined;
  /** Number of further runs that it can take at this time. */
  readonly room: number;
  /** Makes what runs a method of the contract. */
  runnerOf(method: DescMethod): ToolRunner;
  /** Whether the tools of each service can be called at this time, by its full name. */
  services(): ReadonlyMap<string, boolean>;
  /** Calls `listener` when the contract, the services or the room have changed. */
  onChange(listener: () => void): Disposable;
}

/** Makes the tools of a source. Throws OPTIONS_INVALID if the image has another contract, or for an invalid option. */
export function sourcedTools(image: Image, source: ToolSource, { methods }: SourceContract): Tool[] {
  return [...methods].map((path) => {
    const dot = path.lastIndexOf(".");
    const service = image.registry.getService(path.slice(0, dot));
    const method = service?.methods.find(({ name }) => name === path.slice(dot + 1));
    if (method !== undefined) return makeTool(image, method, source.runnerOf(method));
    throw new SealwireError("OPTIONS_INVALID", `The descriptors of ${source.name} do not contain ${path}.`);
  });
}
