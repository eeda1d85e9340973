import { createRegistry, type DescMessage, type Registry } from "@bufbuild/protobuf";
import type { ListToolsResponse } from "../../../gen/sealwire/system/v1/list_tools.ts";
import { SealwireError } from "../../errors.ts";
import { MISSPELT, nearest } from "../../runtime/nearest.ts";
import { builtinImage, type Image } from "../../wire/descriptors.ts";
import { type Cancellation, unlessAborted } from "../calls/deadline.ts";
import { type ContractIndex, indexAnswer, indexImage, type ToolContract } from "./contracts.ts";

/** Fetches the server's tools with their descriptors, verified. */
export type FetchTools = () => Promise<ListToolsResponse>;

/** What is looked for in the server's list, and how an error names it. */
interface Wanted {
  readonly name: string;
  readonly what: string;
  readonly among: (tools: ContractIndex) => ReadonlyMap<string, ToolContract>;
}

const SYSTEM_SERVICE = "sealwire.system.v1.SystemToolService";

/** The TOOL_FORBIDDEN about what the server does not list: `what` it is, its `name`, and the tools that are listed. */
export function notListed(
  { name, what }: { readonly name: string; readonly what: string },
  listed: readonly string[],
): SealwireError {
  const near = nearestOf(name, listed);
  const hint = near === undefined ? "." : `; did you mean ${near}?`;
  return new SealwireError("TOOL_FORBIDDEN", `The server's list_tools shows this client no ${what}${hint}`, {
    ...(near !== undefined && { cause: MISSPELT }),
  });
}

let builtin: ContractIndex | undefined;
let system: ContractIndex | undefined;

/** All tools in this package's own image. */
function builtinIndex(): ContractIndex {
  builtin ??= indexImage(builtinImage());
  return builtin;
}

/** The tools that every server has. The demo's are not among them: a server may have its own under their names. */
function systemIndex(): ContractIndex {
  system ??= indexImage(builtinImage(), ({ typeName }) => typeName === SYSTEM_SERVICE);
  return system;
}

/**
 * Where a client takes contracts from: the system tools from its own image, others from the image it was given, and
 * what that lacks from the descriptors inside the server's signed `list_tools` answer, which is asked for once and
 * kept. Never from reflection, which nobody signs.
 */
export class ContractSource {
  readonly #local: ContractIndex | undefined;
  readonly #fetch: FetchTools;
  #pending: Promise<ContractIndex> | undefined;
  #fetched: ContractIndex | undefined;
  #registry: Registry | undefined;

  constructor(local: Image | undefined, fetch: FetchTools) {
    this.#local = local && indexImage(local);
    this.#fetch = fetch;
  }

  /** Finds a tool by name. Throws TOOL_FORBIDDEN if the server does not show it to this client. */
  async forTool(tool: string, until?: Cancellation): Promise<ToolContract> {
    const known = systemIndex().byTool.get(tool) ?? this.#local?.byTool.get(tool);
    return known ?? this.#ask({ name: tool, what: `tool "${tool}"`, among: ({ byTool }) => byTool }, until);
  }

  /** Finds the tool that a method of a contract is, by its full name `package.Service.Method`; otherwise like {@link forTool}. */
  async forMethod(method: string, until?: Cancellation): Promise<ToolContract> {
    const known = this.#local?.byMethod.get(method) ?? builtinIndex().byMethod.get(method);
    const wanted: Wanted = { name: method, what: `tool for the method ${method}`, among: ({ byMethod }) => byMethod };
    return known ?? this.#ask(wanted, until);
  }

  /** Finds a message type by full name. Throws OPTIONS_INVALID if neither this client nor the server knows it. */
  async forMessage(fullName: string): Promise<DescMessage> {
    const desc = this.registry().getMessage(fullName) ?? (await this.fullRegistry()).getMessage(fullName);
    if (desc !== undefined) return desc;
    throw new SealwireError(
      "OPTIONS_INVALID",
      `Neither this client nor the server's tools know the message ${fullName}; give its contract in \`descriptors\`.`,
    );
  }

  /** All types that are known so far. Where two contracts hold one name, the one that the client was given counts. */
  registry(): Registry {
    const images = [builtinImage(), this.#fetched?.image, this.#local?.image];
    this.#registry ??= createRegistry(...images.flatMap((image) => (image === undefined ? [] : [image.registry])));
    return this.#registry;
  }

  /** All types of this client and of the server's tools. */
  async fullRegistry(): Promise<Registry> {
    await this.#tools(undefined);
    return this.registry();
  }

  async #ask({ name, what, among }: Wanted, until: Cancellation | undefined): Promise<ToolContract> {
    const before = this.#fetched;
    let contract = among(await this.#tools(until)).get(name);
    if (contract === undefined && before !== undefined) {
      // The list is from before; the server may have learned more since.
      if (this.#fetched === before) this.#pending = undefined;
      contract = among(await this.#tools(until)).get(name);
    }
    if (contract !== undefined) return contract;
    throw notListed({ name, what }, [...among(await this.#tools(until)).keys()]);
  }

  /** One fetch serves all who ask meanwhile; a caller who gives up leaves it to the others. */
  #tools(until: Cancellation | undefined): Promise<ContractIndex> {
    this.#pending ??= this.#start();
    return unlessAborted(this.#pending, until?.signal);
  }

  #start(): Promise<ContractIndex> {
    const pending = this.#fetch().then(indexAnswer);
    pending.then(
      (tools) => {
        this.#fetched = tools;
        this.#registry = undefined;
      },
      () => {
        if (this.#pending === pending) this.#pending = undefined;
      },
    );
    return pending;
  }
}

/** The nearest name; of a method's full name only the last part may be another. */
function nearestOf(name: string, known: readonly string[]): string | undefined {
  const service = name.slice(0, name.lastIndexOf(".") + 1);
  const parts = known.filter((each) => each.startsWith(service)).map((each) => each.slice(service.length));
  const near = nearest(name.slice(service.length), parts);
  return near && service + near;
}
