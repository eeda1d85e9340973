import type { JsonValue } from "@bufbuild/protobuf";
import { SealwireError } from "../../errors.ts";
import { checkJsonArguments } from "../../schema/argument-check.ts";
import { toolJsonSchema } from "../../schema/tool-schema.ts";
import { destructiveHint } from "../../tools/definition.ts";
import type { Tool } from "../../tools/tool.ts";
import type { Toolset } from "../../tools/toolset.ts";
import { findMethod } from "../../wire/descriptors.ts";
import { type Answer, refusal } from "../answer.ts";
import type { CheckAnswer, PolicyAnswer, ToolAnswer, ToolRow, ToolsAnswer } from "../answers.ts";
import type { Route } from "../route.ts";
import type { ConsoleSource, ServerFacts } from "../source.ts";

/** The permissions of whoever sees every tool but the operator's, which the pages replace. */
const EVERYTHING = { allows: () => true };

/** How often the catalogue is looked at, in milliseconds. */
const INTERVAL_MS = 5_000;

/** The routes of the page Tools. */
export function toolRoutes({ toolset, facts }: ConsoleSource): readonly Route[] {
  return [
    {
      method: "GET",
      path: "/api/tools",
      role: "viewer",
      intervalMs: INTERVAL_MS,
      answer(): ToolsAnswer {
        const { catalogue } = toolset();
        const tools = [...catalogue.tools()].sort((one, other) => (one.name < other.name ? -1 : 1));
        return { tools: tools.map((tool) => toolRow(toolset(), tool)) };
      },
    },
    {
      method: "GET",
      path: "/api/tools/*",
      role: "viewer",
      intervalMs: INTERVAL_MS,
      answer({ name }): ToolAnswer | Answer {
        const tool = toolset().catalogue.find(name, EVERYTHING);
        return tool === undefined ? noSuchTool() : toolAnswer(toolset(), tool, facts);
      },
    },
    {
      method: "POST",
      path: "/api/tools/*/check",
      role: "viewer",
      answer({ name, body }): CheckAnswer | Answer {
        const tool = toolset().catalogue.find(name, EVERYTHING);
        return tool === undefined ? noSuchTool() : checkAnswer(toolset(), tool, body);
      },
    },
  ];
}

function noSuchTool(): Answer {
  return refusal(404, "NOT_FOUND", { message: "The server has no such tool." });
}

function toolRow({ catalogue }: Toolset, { name, host, description, policy }: Tool): ToolRow {
  const { options, readOnly, idempotent } = description;
  return {
    name,
    title: options?.title ?? "",
    summary: firstSentence(description.description),
    method: description.method,
    kind: policy === undefined ? "call" : "job",
    effect: readOnly ? "read only" : idempotent ? "idempotent" : "side effects",
    destructive: destructiveHint(options) ?? false,
    system: catalogue.isSystemTool(name),
    ...(host !== undefined && { host: host.name }),
  };
}

function toolAnswer(toolset: Toolset, tool: Tool, { address, tls }: ServerFacts): ToolAnswer {
  const { description, policy } = tool;
  const { requestType, responseType, digest, definitionDigest } = description;
  const method = methodOf(toolset, tool);
  const { input, output } = toolJsonSchema(toolset.image, method);
  return {
    ...toolRow(toolset, tool),
    description: description.description,
    address,
    ...(tls !== undefined && { tls }),
    ...{ requestType, responseType, digest, definitionDigest },
    ...(policy !== undefined && { policy: withoutUndefined(policy) }),
    input,
    ...(output !== undefined && { output }),
  };
}

function checkAnswer(toolset: Toolset, tool: Tool, body: unknown): CheckAnswer {
  const { args = {} } = (body ?? {}) as { readonly args?: JsonValue };
  return { problems: checkJsonArguments(toolset.image, methodOf(toolset, tool), args) };
}

function methodOf({ image }: Toolset, { description }: Tool): NonNullable<ReturnType<typeof findMethod>> {
  const method = findMethod(image, description.method);
  if (method !== undefined) return method;
  throw new SealwireError("INTERNAL", `The contract of ${description.method} is missing.`);
}

function withoutUndefined(policy: NonNullable<Tool["policy"]>): PolicyAnswer {
  const { heartbeatTimeoutMs, ...others } = policy;
  return { ...others, ...(heartbeatTimeoutMs !== undefined && { heartbeatTimeoutMs }) };
}

function firstSentence(text: string): string {
  const [paragraph = ""] = text.split("\n\n");
  return (/^.*?[.!?](?=\s|$)/s.exec(paragraph)?.[0] ?? paragraph).replaceAll("\n", " ").trim();
}
