import type { ContentBlock } from "@modelcontextprotocol/server";
import { Content } from "../../gen/sealwire/mcp/v1/content.ts";
import { contentFromJson, contentToJson } from "../../src/mcp/content.ts";
import { rejection } from "../support/rejection.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("mcp/content");

const BLOCKS: Readonly<Record<string, ContentBlock>> = {
  text: { type: "text", text: "Grüße 🌍" },
  "an empty text": { type: "text", text: "" },
  "a text with annotations and _meta": {
    type: "text",
    text: "a",
    annotations: { audience: ["user", "assistant"], priority: 0, lastModified: "2026-07-28T00:00:00Z" },
    _meta: { "dev.example/a": [1, null, { b: true }] },
  },
  "a picture": { type: "image", data: "iVBORw0KGgo=", mimeType: "image/png" },
  "a picture without bytes": { type: "image", data: "", mimeType: "image/png" },
  "a recording": { type: "audio", data: "UklGRg==", mimeType: "audio/wav" },
  "a resource of text": {
    type: "resource",
    resource: { uri: "test://a", mimeType: "text/plain", text: "a", _meta: { a: 1 } },
  },
  "a resource of bytes": {
    type: "resource",
    resource: { uri: "test://b", blob: "AP+A" },
    annotations: { priority: 1 },
  },
  "a resource of empty text": { type: "resource", resource: { uri: "test://c", text: "" } },
  "a link": { type: "resource_link", uri: "file:///a", name: "a" },
  "a link with everything": {
    type: "resource_link",
    uri: "file:///a",
    name: "a",
    title: "A",
    description: "The first.",
    mimeType: "text/plain",
    size: 0,
    annotations: { audience: ["assistant"] },
    _meta: {},
  },
};

for (const [name, block] of Object.entries(BLOCKS)) {
  test(`${name} is the same after it was sent as bytes`, () => {
    const bytes = Content.encode(contentFromJson(block, "content[0]")).finish();
    assert.equal(contentToJson(Content.decode(bytes)), block);
  });
}

test("a block of an unknown kind is text that says so", () => {
  const block = contentToJson({ kind: undefined, annotations: undefined, meta: undefined });
  assert.is(block.type, "text");
  assert.match(block.type === "text" ? block.text : "", "not known");
});

test("an audience that MCP does not know is left out", () => {
  const annotations = { audience: ["user", "robot"], lastModified: "" };
  const block = contentToJson({ kind: { $case: "text", value: { text: "a" } }, annotations, meta: undefined });
  assert.equal(block.annotations, { audience: ["user"] });
});

const MISFITS: Readonly<Record<string, { readonly block: unknown; readonly message: RegExp }>> = {
  "an unknown type": { block: { type: "video" }, message: /content\[3\]\.type is "video"/ },
  "a picture that is not base64": {
    block: { type: "image", data: "a*b=", mimeType: "image/png" },
    message: /content\[3\]\.data is not base64/,
  },
  "base64 without its padding": {
    block: { type: "resource", resource: { uri: "test://a", blob: "AA" } },
    message: /content\[3\]\.resource\.blob is not base64/,
  },
  "a size that is no number of bytes": {
    block: { type: "resource_link", uri: "file:///a", name: "a", size: -1.5 },
    message: /content\[3\]\.size is -1\.5/,
  },
};

for (const [name, { block, message }] of Object.entries(MISFITS)) {
  test(`${name} is refused naming the field`, async () => {
    const read = async () => contentFromJson(block as ContentBlock, "content[3]");
    const error = await rejection("TOOL_FAILED", read());
    assert.match(error.message, message);
  });
}

test.run();
