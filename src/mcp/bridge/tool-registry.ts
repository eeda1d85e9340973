import type { ListToolsResponse, ToolDescription } from "../../../gen/sealwire/system/v1/list_tools.ts";
import { definitionLines } from "../../client/pins/definition-lines.ts";
import type { ToolPins } from "../../client/pins/tool-pins.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import { runPeriodically } from "../../runtime/periodic.ts";
import { findMethod, type Image, readImage } from "../../wire/descriptors.ts";
import { type BridgedTool, readTool } from "./bridged-tool.ts";
import { hostName, nameClash } from "./tool-names.ts";

/** Options of {@link ToolRegistry}. */
export interface ToolRegistryOptions {
  /** Fetches the verified list with descriptors. */
  readonly fetch: (timeoutMs: number) => Promise<ListToolsResponse>;
  /** Whether the bridge offers a tool of this name. */
  readonly includes: (tool: string) => boolean;
  /** True to offer only tools without side effects. */
  readonly readOnly: boolean;
  readonly prefix: string;
  /** The name of the bridge's tool that waits for jobs. */
  readonly waitTool: string;
  /** Names for hosts that the bridge's own tools have. */
  readonly reserved: readonly string[];
  /** Age from which the contract is fetched again. */
  readonly ttlMs: number;
  /** The accepted definitions; `undefined`: every definition is accepted. */
  readonly pins: ToolPins | undefined;
  readonly serverId: () => string;
  /** Called after the list for hosts has changed. */
  readonly onChanged: () => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The tools of one version of the contract. */
export interface OfferedTools {
  /** Those that are listed and may be called, by their names for hosts, in the order of the list. */
  readonly byHostName: ReadonlyMap<string, BridgedTool>;
  /** Those whose definition is not accepted, with the difference, by their names for hosts. */
  readonly withheld: ReadonlyMap<string, string>;
  /** All of both, by their names at the server. */
  readonly byName: ReadonlyMap<string, BridgedTool>;
}

/** Hosts wait 10 s for a server that they start. */
const START_TIMEOUT_MS = 5_000;
const FETCH_TIMEOUT_MS = 20_000;
const SYSTEM_PACKAGE = "sealwire.system.v1.";

/** The tools that the bridge offers, from the contract that the server signed. It is fetched again while it is used. */
export class ToolRegistry {
  readonly #options: ToolRegistryOptions;
  #known: OfferedTools | undefined;
  #fetchedAtMs = -Infinity;
  #pending: Promise<OfferedTools> | undefined;
  /** What was said about tools that are withheld, so that it is said once. */
  #told = new Map<string, string>();

  constructor(options: ToolRegistryOptions) {
    this.#options = options;
  }

  /**
   * Fetches the tools for the first time. Throws OPTIONS_INVALID if two tools would have one name, and the error of the
   * fetch.
   */
  async start(): Promise<OfferedTools> {
    return this.#fetch(true);
  }

  /** The tools, not older than the TTL; older ones if the server cannot be reached. Throws if there are none. */
  async current(): Promise<OfferedTools> {
    const known = this.#known;
    if (known !== undefined && this.#ageMs() < this.#options.ttlMs) return known;
    try {
      return await this.#fetch(false);
    } catch (err) {
      if (known === undefined) throw err;
      this.#options.logger.warn({ err }, "the server's contract could not be fetched; the previous one is in use");
      return known;
    }
  }

  /** Until it is disposed, fetches the tools again at the end of each TTL, so that a host that asks for nothing is told of changes. */
  follow(): AsyncDisposable {
    const { clock, ttlMs } = this.#options;
    return runPeriodically(clock, ttlMs, () => this.current());
  }

  /** Fetches the tools again with the next use, because the server said that they changed. */
  expire(): void {
    this.#fetchedAtMs = -Infinity;
  }

  #ageMs(): number {
    return this.#options.clock.monotonicMs() - this.#fetchedAtMs;
  }

  /** Concurrent callers share one fetch. */
  #fetch(isFirst: boolean): Promise<OfferedTools> {
    this.#pending ??= this.#read(isFirst).finally(() => {
      this.#pending = undefined;
    });
    return this.#pending;
  }

  async #read(isFirst: boolean): Promise<OfferedTools> {
    const { fetch, clock, logger, onChanged } = this.#options;
    const startedAtMs = clock.monotonicMs();
    const tools = await this.#offer(
      this.#readTools(await fetch(isFirst ? START_TIMEOUT_MS : FETCH_TIMEOUT_MS), isFirst),
    );
    const before = this.#known;
    this.#known = tools;
    this.#fetchedAtMs = startedAtMs;
    if (before === undefined) logger.info({ tools: tools.byHostName.size }, "contract read");
    else if (signature(before) !== signature(tools)) onChanged();
    return tools;
  }

  /** Reads the tools that the options select. Those that cannot be used are logged and left out. */
  #readTools({ descriptorSet, tools: listed }: ListToolsResponse, isFirst: boolean): BridgedTool[] {
    const { includes, readOnly, reserved, logger } = this.#options;
    const image = readImage(descriptorSet);
    const taken = new Map(reserved.map((name) => [name, "a tool of the bridge itself"]));
    const clashes = new Set<string>();
    const tools: BridgedTool[] = [];
    for (const entry of listed) {
      if (entry.method.startsWith(SYSTEM_PACKAGE) || !includes(entry.name)) continue;
      const tool = this.#readTool(image, entry);
      if (tool === undefined || (readOnly && !tool.readOnly)) continue;
      const other = taken.get(tool.hostName);
      if (other !== undefined && isFirst) throw nameClash(tool.hostName, other, `the tool ${tool.name}`);
      if (other !== undefined) clashes.add(tool.hostName);
      taken.set(tool.hostName, `the tool ${tool.name}`);
      tools.push(tool);
    }
    for (const name of clashes) logger.error({ name }, "two tools have this name; none of them is offered");
    return tools.filter((tool) => !clashes.has(tool.hostName)).sort(byHostName);
  }

  #readTool(image: Image, { name, method: path, definitionDigest }: ToolDescription): BridgedTool | undefined {
    const method = findMethod(image, path);
    if (method === undefined) return undefined;
    const { prefix, waitTool } = this.#options;
    const naming = { hostName: hostName(prefix, name), waitTool };
    try {
      return readTool(image, method, { ...naming, statedDigest: definitionDigest });
    } catch (err) {
      this.#options.logger.error({ tool: name, err }, "a tool cannot be offered");
      return undefined;
    }
  }

  /** Withholds the tools whose definition is not accepted. */
  async #offer(tools: readonly BridgedTool[]): Promise<OfferedTools> {
    const byHostName = new Map<string, BridgedTool>();
    const withheld = new Map<string, string>();
    for (const tool of tools) {
      const difference = tool.isStatedFalsely ? [FALSE_STATEMENT] : await this.#changes(tool);
      if (difference === undefined) byHostName.set(tool.hostName, tool);
      else withheld.set(tool.hostName, difference.join("\n"));
    }
    this.#tellWithheld(withheld);
    return { byHostName, withheld, byName: new Map(tools.map((tool) => [tool.name, tool])) };
  }

  /** How a definition differs from the accepted one; `undefined` if it is accepted. */
  async #changes({ name, digest, image, definition }: BridgedTool): Promise<readonly string[] | undefined> {
    const { pins, serverId } = this.#options;
    if (pins === undefined) return undefined;
    const verdict = await pins.check(serverId(), { name, digest, lines: definitionLines(image, definition) });
    return verdict.kind === "accepted" ? undefined : verdict.difference;
  }

  #tellWithheld(withheld: Map<string, string>): void {
    for (const [tool, difference] of withheld) {
      if (this.#told.get(tool) === difference) continue;
      this.#options.logger.error({ tool, difference }, `the tool ${tool} is withheld: its definition changed`);
    }
    this.#told = withheld;
  }
}

/** A server that was made to change a definition may repeat the digest of the old one. */
const FALSE_STATEMENT = "The server states a digest that is not that of the definition in its signed descriptors.";

function byHostName(one: BridgedTool, other: BridgedTool): number {
  return one.hostName < other.hostName ? -1 : 1;
}

/** Differs if hosts are shown something else. */
function signature({ byHostName: tools }: OfferedTools): string {
  return [...tools.values()].map(({ hostName: name, digest }) => `${name} ${digest}`).join("\n");
}
