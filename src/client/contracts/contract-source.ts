import { createRegistry, type DescMessage, type Registry } from "@bufbuild/protobuf";
import type { ListToolsResponse } from "../../../gen/sealwire/system/v1/list_tools.ts";
import { SealwireError } from "../../errors.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import { MISSPELT, nearest } from "../../runtime/nearest.ts";
import { builtinImage, type Image } from "../../wire/descriptors.ts";
import { type Cancellation, unlessAborted } from "../calls/deadline.ts";
import { type ContractIndex, indexAnswer, indexImage, type ToolContract } from "./contracts.ts";

/** Fetches the verified list of the server's tools with their descriptors. */
export type FetchTools = () => Promise<ListToolsResponse>;

/** An entry to find in the server's list, and its name in error messages. */
interface Wanted {
  readonly name: string;
  readonly what: string;
  readonly among: (tools: ContractIndex) => ReadonlyMap<string, ToolContract>;
}

const SYSTEM_SERVICE = "sealwire.system.v1.SystemToolService";

/** Returns the TOOL_FORBIDDEN error for a tool or method that is not listed. `what`: its description. */
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

/** The tools in this package's own image. */
function builtinIndex(): ContractIndex {
  builtin ??= indexImage(builtinImage());
  return builtin;
}

/** The system tools. The demo tools are not included, because a server may have other tools with their names. */
function systemIndex(): ContractIndex {
  system ??= indexImage(builtinImage(), ({ typeName }) => typeName === SYSTEM_SERVICE);
  return system;
}

/** True for the tools that every server has. */
export function isSystemTool(tool: string): boolean {
  return systemIndex().byTool.has(tool);
}

/** Options of {@link ContractSource}. */
export interface ContractSourceOptions {
  /** The contracts that the client was given. */
  readonly local: Image | undefined;
  readonly fetch: FetchTools;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Age from which the next use of the server's list fetches it again, without waiting for it. */
const REFRESH_MS = 60_000;

/**
 * The contracts of a client. Those of system tools are in the package's own image, others in the image that the client
 * was given. All others come from the descriptors in the server's signed `list_tools` answer, which is cached and, while
 * it is used, fetched again every minute. Reflection is not used, because it is not signed.
 */
export class ContractSource {
  readonly #options: ContractSourceOptions;
  readonly #local: ContractIndex | undefined;
  #pending: Promise<ContractIndex> | undefined;
  #fetched: ContractIndex | undefined;
  #fetchedAtMs = 0;
  #registry: Registry | undefined;

  constructor(options: ContractSourceOptions) {
    this.#options = options;
    this.#local = options.local && indexImage(options.local);
  }

  /** The server's list. `after`: fetches it again if it is this one. */
  async fromServer(until?: Cancellation, after?: ContractIndex): Promise<ContractIndex> {
    if (after !== undefined && this.#fetched === after) this.#pending = undefined;
    return this.#tools(until);
  }

  /** Finds a tool by name. Throws TOOL_FORBIDDEN if the server does not list it for this client. */
  async forTool(tool: string, until?: Cancellation): Promise<ToolContract> {
    const known = systemIndex().byTool.get(tool) ?? this.#local?.byTool.get(tool);
    return known ?? this.#ask({ name: tool, what: `tool "${tool}"`, among: ({ byTool }) => byTool }, until);
  }

  /** Finds a tool by the full name of its method, `package.Service.Method`; otherwise like {@link forTool}. */
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

  /** All known types. If two contracts contain the same name, the contract that the client was given is used. */
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
      // The cached list may be outdated: fetches it again.
      if (this.#fetched === before) this.#pending = undefined;
      contract = among(await this.#tools(until)).get(name);
    }
    if (contract !== undefined) return contract;
    throw notListed({ name, what }, [...among(await this.#tools(until)).keys()]);
  }

  /** Fetches the list. Concurrent callers share one fetch, which continues if one of them gives up. */
  #tools(until: Cancellation | undefined): Promise<ContractIndex> {
    this.#pending ??= this.#start();
    this.#refreshIfOld();
    return unlessAborted(this.#pending, until?.signal);
  }

  #start(): Promise<ContractIndex> {
    const pending = this.#read();
    pending.catch(() => {
      if (this.#pending === pending) this.#pending = undefined;
    });
    return pending;
  }

  async #read(): Promise<ContractIndex> {
    const { fetch, clock } = this.#options;
    const tools = indexAnswer(await fetch());
    this.#fetched = tools;
    this.#fetchedAtMs = clock.monotonicMs();
    this.#registry = undefined;
    return tools;
  }

  /** Fetches an old list again in the background. The old one is used until then, and if the fetch fails. */
  #refreshIfOld(): void {
    const { clock, logger } = this.#options;
    if (this.#fetched === undefined || clock.monotonicMs() - this.#fetchedAtMs < REFRESH_MS) return;
    // The next refresh is due after the same time, whether or not this one succeeds.
    this.#fetchedAtMs = clock.monotonicMs();
    const refreshed = this.#read();
    refreshed.then(
      () => {
        this.#pending = refreshed;
      },
      (err) => logger.warn({ err }, "the server's contract could not be fetched again"),
    );
  }
}

/** The most similar name. For a method's full name, only the last part may differ. */
function nearestOf(name: string, known: readonly string[]): string | undefined {
  const service = name.slice(0, name.lastIndexOf(".") + 1);
  const parts = known.filter((each) => each.startsWith(service)).map((each) => each.slice(service.length));
  const near = nearest(name.slice(service.length), parts);
  return near && service + near;
}
