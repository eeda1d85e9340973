import type { DescMessage, DescMethod, DescService, Registry } from "@bufbuild/protobuf";
import type { ListToolsResponse, ToolDescription } from "../../../gen/sealwire/system/v1/list_tools.ts";
import { toolNameOf } from "../../tools/tool.ts";
import { findMethod, type Image, readImage } from "../../wire/descriptors.ts";

/** The types of a tool, for encoding its arguments and reading its result. */
export interface ToolContract {
  /** The name of the tool. */
  readonly tool: string;
  readonly input: DescMessage;
  readonly output: DescMessage;
  /** The types that JSON inside an Any may use. */
  readonly registry: Registry;
}

/** The contracts in one image, indexed by name. */
export interface ContractIndex {
  readonly image: Image;
  /** By tool name. Names that two services have are omitted. */
  readonly byTool: ReadonlyMap<string, ToolContract>;
  /** By the full name of the method, `package.Service.Method`. */
  readonly byMethod: ReadonlyMap<string, ToolContract>;
  /** What the server says of its tools; empty for an image. */
  readonly listed: readonly ToolDescription[];
}

/** Packages whose services are not tools: ToolService and the standard services of gRPC servers. */
const NOT_TOOLS = /^(sealwire\.v1|grpc\..*|google\..*)$/;

/** The operator's tools. Their names may be those of other tools, which come first. */
const OPERATOR_PACKAGE = "sealwire.operator.v1";

/** Finds a tool in an image by name; `undefined` if none or several of its services have it. */
export function findLocalContract(image: Image, tool: string): ToolContract | undefined {
  return indexImage(image).byTool.get(tool);
}

/** Indexes the tools of an image: the methods of all services that `includes` accepts. Default: all tool services. */
export function indexImage(
  image: Image,
  includes: (service: DescService) => boolean = (service) => !NOT_TOOLS.test(service.file.proto.package),
): ContractIndex {
  const entries: [DescMethod, string][] = [];
  for (const type of image.registry) {
    if (type.kind !== "service" || !includes(type)) continue;
    for (const method of type.methods) entries.push([method, toolNameOf(image, method)]);
  }
  return index(image, entries);
}

/** Indexes the tools of a verified `list_tools` answer with descriptors. */
export function indexAnswer({ tools, descriptorSet }: ListToolsResponse): ContractIndex {
  const image = readImage(descriptorSet);
  const entries: [DescMethod, string][] = [];
  for (const { name, method: path } of tools) {
    const method = findMethod(image, path);
    if (method !== undefined) entries.push([method, name]);
  }
  return index(image, entries, tools);
}

function index(
  image: Image,
  entries: readonly [DescMethod, string][],
  listed: readonly ToolDescription[] = [],
): ContractIndex {
  const byTool = new Map<string, ToolContract>();
  const byMethod = new Map<string, ToolContract>();
  const names = entries.filter(([method]) => !isOperated(method)).map(([, tool]) => tool);
  for (const [method, tool] of entries) {
    const contract = { tool, input: method.input, output: method.output, registry: image.registry };
    byMethod.set(`${method.parent.typeName}.${method.name}`, contract);
    const isNamed = isOperated(method) ? !names.includes(tool) : names.indexOf(tool) === names.lastIndexOf(tool);
    if (isNamed) byTool.set(tool, contract);
  }
  return { image, byTool, byMethod, listed };
}

function isOperated(method: DescMethod): boolean {
  return method.parent.file.proto.package === OPERATOR_PACKAGE;
}
