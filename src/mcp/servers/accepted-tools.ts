import type { Tool } from "@modelcontextprotocol/client";
import type { Logger } from "../../runtime/logger.ts";
import type { SourceContract } from "../../tools/tool-source.ts";
import { cutText } from "../../wire/error-message.ts";
import { type SchemaCompiler, SchemaRefused } from "./args-schema.ts";
import { changesOf } from "./changes.ts";
import { contractOf, serviceName } from "./contract.ts";
import type { ResolvedMcpServer } from "./options.ts";
import type { PinnedTools } from "./pinned-tools.ts";
import {
  defineTool,
  type McpTool,
  offeredName,
  type ReadTools,
  type RefusedTool,
  readTools,
} from "./tool-definition.ts";

/** Options of {@link AcceptedTools}. */
export interface AcceptedToolsParts {
  readonly server: ResolvedMcpServer;
  readonly compiler: SchemaCompiler;
  /** `undefined`: the tools of the first list are accepted. */
  readonly pins: PinnedTools | undefined;
  readonly logger: Logger;
}

/** Maximum number of tools that are left out with a line of their own in the log, and longest name in it. */
const TOLD_MOST = 20;
const NAME_MOST = 200;

/** A schema that is only compared need not be compiled. */
const NO_COMPILER: Pick<SchemaCompiler, "compile"> = { compile: () => () => undefined };

/**
 * The tools of an MCP server that are offered. Those of the first list, or of the pins, are accepted. One whose definition
 * changes later is withdrawn until it is again as it was, and new ones are not added.
 */
export class AcceptedTools {
  /** `undefined` until the tools are known. Another object after each change. */
  contract: SourceContract | undefined;
  readonly #parts: AcceptedToolsParts;
  #accepted: readonly McpTool[] | undefined;
  /** The names of the tools of the first list that cannot be offered. */
  #refused: ReadonlySet<string> = new Set();
  #withdrawn: ReadonlySet<string> = new Set();
  /** What was logged last about changes, so that it is logged once. */
  #told = "";
  /** One list is taken after the other. */
  #taking: Promise<void> = Promise.resolve();

  constructor(parts: AcceptedToolsParts) {
    this.#parts = parts;
  }

  /** True if the server no longer lists the tool as it was accepted. */
  isWithdrawn(name: string): boolean {
    return this.#withdrawn.has(name);
  }

  /** The tool of a method of the contract. */
  ofMethod(method: string): McpTool | undefined {
    return this.#accepted?.find((tool) => tool.method === method);
  }

  /** Accepts the first list, and compares each later one with it. Returns a tool of the first whose name is taken. */
  take(listed: readonly Tool[]): Promise<RefusedTool | undefined> {
    const taking = this.#taking.then(() => this.#take(listed));
    this.#taking = taking.then(
      () => {},
      () => {},
    );
    return taking;
  }

  async #take(listed: readonly Tool[]): Promise<RefusedTool | undefined> {
    const { server, compiler } = this.#parts;
    if (this.#accepted === undefined) return await this.#accept(await readTools(listed, server, compiler));
    this.#compare(this.#accepted, await readTools(listed, server, NO_COMPILER));
    return undefined;
  }

  async #accept({ tools, refused }: ReadTools): Promise<RefusedTool | undefined> {
    const { server, logger, pins } = this.#parts;
    this.#refused = new Set(refused.map(({ mcpName }) => offeredName(server, mcpName)));
    for (const { mcpName, why } of refused.slice(0, TOLD_MOST))
      logger.error({ tool: cutText(mcpName, NAME_MOST) }, `a tool of an MCP server ${why}`);
    const untold = refused.length - TOLD_MOST;
    if (untold > 0) logger.error({ tools: untold }, "more tools of an MCP server are left out");
    const pinned = this.#pinned();
    const names = new Set(pinned.map(({ name }) => name));
    const added = tools.filter(({ name }) => !names.has(name));
    if (added.length > 0) {
      await pins?.add(
        server.name,
        added.map(({ text }) => text),
      );
    }
    const accepted = [...pinned, ...added].sort((one, other) => (one.name < other.name ? -1 : 1));
    this.#accepted = accepted;
    this.contract = { descriptors: contractOf(server, accepted), methods: new Set() };
    this.#compare(accepted, { tools, refused });
    const offered = accepted.map(({ name }) => name).filter((name) => !this.#withdrawn.has(name));
    logger.info({ tools: offered }, "the tools of an MCP server are offered");
    return refused.find(({ isClash }) => isClash);
  }

  /** The tools that were accepted before this start. */
  #pinned(): readonly McpTool[] {
    const { server, compiler, pins, logger } = this.#parts;
    return (pins?.of(server.name) ?? []).flatMap((text) => {
      try {
        return [defineTool(text, server, compiler)];
      } catch (thrown) {
        if (!(thrown instanceof SchemaRefused)) throw thrown;
        logger.error({ tool: text.mcpName }, `a pinned tool of an MCP server is left out: ${thrown.message}`);
        return [];
      }
    });
  }

  #compare(accepted: readonly McpTool[], { tools }: ReadTools): void {
    const { logger, server } = this.#parts;
    const changes = changesOf(accepted, tools, server);
    const known = new Set([...accepted.map(({ name }) => name), ...this.#refused]);
    const added = tools.filter(({ name }) => !known.has(name)).map(({ name }) => name);
    const told = JSON.stringify([changes.map(({ tool, fields }) => [tool.name, fields]), added]);
    if (told !== this.#told) {
      for (const { tool, fields } of changes) {
        const how = fields === undefined ? "gone" : "changed";
        logger.error({ tool: tool.name, changes: fields }, `a tool of an MCP server is ${how} and no longer offered`);
      }
      if (added.length > 0) logger.warn({ tools: added }, "new tools of an MCP server are not offered until a restart");
    }
    this.#told = told;
    const withdrawn = new Set(changes.map(({ tool }) => tool.name));
    const back = [...this.#withdrawn].filter((name) => !withdrawn.has(name));
    if (back.length > 0) logger.info({ tools: back }, "tools of an MCP server are again as they were, and offered");
    this.#withdrawn = withdrawn;
    const service = serviceName(server);
    const offered = accepted.filter(({ name }) => !withdrawn.has(name));
    const methods = new Set(offered.map(({ method }) => `${service}.${method}`));
    const { descriptors, methods: before } = this.contract ?? { descriptors: new Uint8Array(), methods: new Set() };
    const isSame = methods.size === before.size && [...methods].every((method) => before.has(method));
    if (!isSame) this.contract = { descriptors, methods };
  }
}
