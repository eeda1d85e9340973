import type { ContentBlock } from "@modelcontextprotocol/server";
import type { Annotations, Content, EmbeddedResource } from "../../gen/sealwire/mcp/v1/content.ts";
import { SealwireError } from "../errors.ts";

type AnnotationsJson = NonNullable<ContentBlock["annotations"]>;
type ResourceJson = Extract<ContentBlock, { type: "resource" }>["resource"];

/** Standard base64 with padding, as MCP writes bytes. */
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** What stands for a block whose kind is newer than this version. The other blocks of the result stay readable. */
const UNKNOWN_KIND: ContentBlock = { type: "text", text: "[a block of content of a kind that is not known here]" };

/** Converts a block of a result to the JSON of MCP. Fields that are empty are left out. */
export function contentToJson(content: Content): ContentBlock {
  const extra = {
    ...(content.annotations && { annotations: annotationsToJson(content.annotations) }),
    ...(content.meta && { _meta: content.meta }),
  };
  const { kind } = content;
  switch (kind?.$case) {
    case "text":
      return { type: "text", text: kind.value.text, ...extra };
    case "image":
    case "audio": {
      const { data, mimeType } = kind.value;
      return { type: kind.$case, data: toBase64(data), mimeType, ...extra };
    }
    case "resource":
      return { type: "resource", resource: resourceToJson(kind.value), ...extra };
    case "resourceLink": {
      const { uri, name, title, description, mimeType, sizeBytes } = kind.value;
      const optional = filled({ title, description, mimeType });
      const size = sizeBytes === undefined ? {} : { size: Number(sizeBytes) };
      return { type: "resource_link", uri, name, ...optional, ...size, ...extra };
    }
    case undefined:
      return { ...UNKNOWN_KIND, ...extra };
  }
}

/**
 * Converts a block that an MCP server returned, which the SDK has parsed. `at` names it in errors, for example
 * "content[2]". The icons of a resource link are not kept. Throws TOOL_FAILED naming the field for a block that MCP does
 * not allow: an unknown type, bytes that are not base64, a size that is not a whole number.
 */
export function contentFromJson(block: ContentBlock, at: string): Content {
  return {
    kind: kindFromJson(block, at),
    annotations: block.annotations && annotationsFromJson(block.annotations),
    meta: block._meta,
  };
}

function kindFromJson(block: ContentBlock, at: string): Content["kind"] {
  switch (block.type) {
    case "text":
      return { $case: "text", value: { text: block.text } };
    case "image":
    case "audio": {
      const { data, mimeType } = block;
      return { $case: block.type, value: { data: fromBase64(data, `${at}.data`), mimeType } };
    }
    case "resource":
      return { $case: "resource", value: resourceFromJson(block.resource, `${at}.resource`) };
    case "resource_link": {
      const { uri, name, title = "", description = "", mimeType = "", size } = block;
      const sizeBytes = size === undefined ? undefined : wholeNumber(size, `${at}.size`);
      return { $case: "resourceLink", value: { uri, name, title, description, mimeType, sizeBytes } };
    }
    default: {
      const { type } = block as { readonly type?: unknown };
      throw misfit(`${at}.type`, `is ${JSON.stringify(type)}, which is no kind of content`);
    }
  }
}

function annotationsToJson({ audience, priority, lastModified }: Annotations): AnnotationsJson {
  return {
    ...(audience.length > 0 && { audience: audience.filter(isRole) }),
    ...(priority !== undefined && { priority }),
    ...filled({ lastModified }),
  };
}

function annotationsFromJson({ audience = [], priority, lastModified = "" }: AnnotationsJson): Annotations {
  return { audience: [...audience], priority, lastModified };
}

function isRole(name: string): name is "user" | "assistant" {
  return name === "user" || name === "assistant";
}

function resourceToJson({ uri, mimeType, content, meta }: EmbeddedResource): ResourceJson {
  const rest = { uri, ...filled({ mimeType }), ...(meta && { _meta: meta }) };
  return content?.$case === "blob"
    ? { ...rest, blob: toBase64(content.value) }
    : { ...rest, text: content?.value ?? "" };
}

function resourceFromJson(resource: ResourceJson, at: string): EmbeddedResource {
  const { uri, mimeType = "", _meta: meta } = resource;
  const content: EmbeddedResource["content"] =
    "text" in resource
      ? { $case: "text", value: resource.text }
      : { $case: "blob", value: fromBase64(resource.blob, `${at}.blob`) };
  return { uri, mimeType, content, meta };
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}

function fromBase64(text: string, at: string): Uint8Array {
  if (!BASE64.test(text)) throw misfit(at, "is not base64");
  return Buffer.from(text, "base64");
}

function wholeNumber(value: number, at: string): bigint {
  if (!Number.isSafeInteger(value) || value < 0) throw misfit(at, `is ${value}, which is no number of bytes`);
  return BigInt(value);
}

/** The properties whose text is not empty. */
function filled<K extends string>(texts: Readonly<Record<K, string>>): { [key in K]?: string } {
  return Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== "")) as { [key in K]?: string };
}

function misfit(at: string, problem: string): SealwireError {
  return new SealwireError("TOOL_FAILED", `The result of the MCP server cannot be used: ${at} ${problem}.`);
}
