import type { ToolDescription } from "../../../gen/sealwire/system/v1/list_tools.ts";
import { SealwireError } from "../../errors.ts";
import { definitionDigest, definitionOf } from "../../tools/definition.ts";
import { describeTool } from "../../tools/tool.ts";
import { findMethod, type Image } from "../../wire/descriptors.ts";
import type { Cancellation } from "../calls/deadline.ts";
import { hasNotBegun, notBegun } from "../calls/retry.ts";
import type { ContractSource } from "../contracts/contract-source.ts";
import type { ContractIndex } from "../contracts/contracts.ts";
import { definitionLines } from "./definition-lines.ts";
import type { ShownTool, ToolPins } from "./tool-pins.ts";

/**
 * The tool of a verified `list_tools` answer as a model is shown it. The definition is computed from the descriptors,
 * because a server that changes a tool may state the digest of the earlier definition. `undefined`: the descriptors do
 * not contain its method.
 *
 * @example
 * ```ts
 * const { tools, descriptorSet } = await client.listTools({ includeDescriptors: true });
 * const shown = tools.map((tool) => shownTool(readImage(descriptorSet), tool));
 * ```
 */
export function shownTool(
  image: Image,
  { name, method: path }: Pick<ToolDescription, "name" | "method">,
): ShownTool | undefined {
  const method = findMethod(image, path);
  if (method === undefined) return undefined;
  const definition = definitionOf(image, { ...describeTool(image, method), name });
  return { name, digest: definitionDigest(definition), lines: definitionLines(image, definition) };
}

/** An accepted definition. */
export interface AcceptedTool {
  /** The digest to send; empty for a server of 0.1, which does not know the field. */
  readonly digest: string;
  /** The list that the definition was read from. */
  readonly list: ContractIndex;
}

/** Options of {@link PinnedTools}. */
export interface PinnedToolsOptions {
  readonly pins: ToolPins;
  readonly contracts: ContractSource;
  readonly serverId: () => string;
}

/** Compares the tools of a server with the definitions that a client accepts. */
export class PinnedTools {
  readonly #options: PinnedToolsOptions;
  readonly #shown = new WeakMap<ToolDescription, ShownTool>();

  constructor(options: PinnedToolsOptions) {
    this.#options = options;
  }

  /**
   * The digest to call a tool with. Throws TOOL_CHANGED if the definition is not the accepted one, RESPONSE_INVALID if
   * the server states the digest of another one, and TOOL_FORBIDDEN if it does not list the tool.
   */
  async accept(name: string, until: Cancellation): Promise<AcceptedTool> {
    const { contracts } = this.#options;
    const known = await contracts.fromServer(until);
    try {
      return await this.#acceptFrom(known, name);
    } catch (error) {
      // The known list may be outdated.
      const list = await contracts.fromServer(until, known);
      if (list === known) throw error;
      return await this.#acceptFrom(list, name);
    }
  }

  async #acceptFrom(list: ContractIndex, name: string): Promise<AcceptedTool> {
    const { pins, serverId } = this.#options;
    const listed = list.listed.find((each) => each.name === name);
    const tool = listed && this.#show(list.image, listed);
    if (tool === undefined) throw notBegun(new SealwireError("TOOL_FORBIDDEN", `The server lists no tool "${name}".`));
    const verdict = await pins.check(serverId(), tool);
    if (verdict.kind === "changed") throw changed(name, verdict.difference);
    const stated = listed?.definitionDigest ?? "";
    if (stated === "" || stated === tool.digest) return { digest: stated, list };
    const problem = `The server states the definition digest ${stated} of ${name}, but its contract gives ${tool.digest}.`;
    throw notBegun(new SealwireError("RESPONSE_INVALID", problem));
  }

  /**
   * Called after a call with an accepted definition failed. Resolves if the client's list was outdated, so that the
   * call may be tried again. Otherwise throws the error, or one that tells more.
   */
  async checkAgain(name: string, { digest, list }: AcceptedTool, error: unknown, until: Cancellation): Promise<void> {
    if (!(error instanceof SealwireError) || digest === "") throw error;
    if (error.reason === "ENVELOPE_INVALID") {
      const problem = `${error.message} The call names a definition_digest, which servers of 0.1 refuse; upgrade all servers of this address.`;
      const explained = new SealwireError("ENVELOPE_INVALID", problem, { cause: error });
      throw hasNotBegun(error) ? notBegun(explained) : explained;
    }
    if (error.reason !== "TOOL_CHANGED") throw error;
    await this.#options.contracts.fromServer(until, list);
    const { digest: newest } = await this.accept(name, until);
    if (newest === digest) throw error;
  }

  #show(image: Image, listed: ToolDescription): ShownTool | undefined {
    const tool = this.#shown.get(listed) ?? shownTool(image, listed);
    if (tool !== undefined) this.#shown.set(listed, tool);
    return tool;
  }
}

function changed(name: string, difference: readonly string[]): SealwireError {
  const head = `The definition of ${name} is not the accepted one:`;
  return notBegun(new SealwireError("TOOL_CHANGED", [head, ...difference].join("\n")));
}
