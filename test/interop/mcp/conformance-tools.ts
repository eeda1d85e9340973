import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { CallToolResponse } from "../../../gen/sealwire/mcp/v1/call_tool.ts";
import { SealwireError } from "../../../src/errors.ts";
import { contentFromJson } from "../../../src/mcp/content.ts";
import { implement, type MessageCodec } from "../../../src/tools/implement.ts";
import { buildDescriptors } from "../../support/build-descriptors.ts";
import { type ContentName, contents } from "./contents.ts";

/* The tools of proto/conformance/v1, for `sealwire serve --tools`: without generated code, other messages are their bytes. */

const LABEL_OF_REQUEST = 2;
const LABEL_OF_RESPONSE = 1;
const PROGRESS_STEPS = 3;
/** Longer than the shortest time between two reports of progress to a host. */
const STEP_MS = 1_100;

const bytes: MessageCodec<Uint8Array> = { decode: (input) => input, encode: (message) => ({ finish: () => message }) };

function method<N extends string, R>(name: N, responseType: MessageCodec<R>) {
  return {
    name,
    requestType: bytes,
    responseType,
    requestStream: false,
    responseStream: false,
    options: {},
  } as const;
}

/** The contract of the tools. */
export const descriptors = [buildDescriptors(join(import.meta.dirname, "proto"))];

/** The tools. */
export const tools = [
  implement(
    {
      name: "ConformanceToolService",
      fullName: "conformance.v1.ConformanceToolService",
      methods: {
        testSimpleText: method("TestSimpleText", CallToolResponse),
        testImageContent: method("TestImageContent", CallToolResponse),
        testAudioContent: method("TestAudioContent", CallToolResponse),
        testEmbeddedResource: method("TestEmbeddedResource", CallToolResponse),
        testMultipleContentTypes: method("TestMultipleContentTypes", CallToolResponse),
        testErrorHandling: method("TestErrorHandling", CallToolResponse),
        testToolWithProgress: method("TestToolWithProgress", CallToolResponse),
        testLoggingTool: method("TestLoggingTool", CallToolResponse),
        testStreamingElicitation: method("TestStreamingElicitation", CallToolResponse),
        greet: method("Greet", CallToolResponse),
        confirmDelete: method("ConfirmDelete", CallToolResponse),
        slowCompute: method("SlowCompute", bytes),
        failingJob: method("FailingJob", bytes),
        protocolErrorJob: method("ProtocolErrorJob", bytes),
      },
    },
    {
      testSimpleText: () => response("simple_text"),
      testImageContent: () => response("image_content"),
      testAudioContent: () => response("audio_content"),
      testEmbeddedResource: () => response("embedded_resource"),
      testMultipleContentTypes: () => response("multiple_content_types"),

      testErrorHandling: () => {
        throw new SealwireError("TOOL_FAILED", "This tool intentionally returns an error for testing");
      },

      async testToolWithProgress(_request, { signal, progress }) {
        for (let step = 1; step <= PROGRESS_STEPS; step += 1) {
          progress(step, PROGRESS_STEPS, `step ${step}`);
          await sleep(STEP_MS, undefined, { signal });
        }
        return response("simple_text");
      },

      testLoggingTool: () => response("simple_text"),
      testStreamingElicitation: () => response("simple_text"),
      greet: (request) => textResponse(`Hello, ${textField(request, 1)}!`),

      confirmDelete: () => {
        throw new SealwireError("TOOL_FAILED", "Nothing was deleted: this tool cannot ask for a confirmation.");
      },

      async slowCompute(request, { signal }) {
        await sleep(secondsOf(request) * 1_000, undefined, { signal });
        const label = textField(request, LABEL_OF_REQUEST);
        return new BinaryWriter().tag(LABEL_OF_RESPONSE, WireType.LengthDelimited).string(label).finish();
      },

      failingJob: () => {
        throw new SealwireError("TOOL_FAILED", "This job always fails.");
      },

      protocolErrorJob: () => {
        throw new Error("a fault in the program of the tool");
      },
    },
  ),
];

function response(name: ContentName): CallToolResponse {
  const content = contents[name].map((block, index) => contentFromJson(block, `content[${index}]`));
  return { content, structuredContent: undefined };
}

function textResponse(text: string): CallToolResponse {
  return { content: [contentFromJson({ type: "text", text }, "content[0]")], structuredContent: undefined };
}

/** The first field of a SlowComputeRequest. */
function secondsOf(request: Uint8Array): number {
  const reader = new BinaryReader(request);
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === 1) return reader.double();
    reader.skip(type, field);
  }
  return 0;
}

function textField(request: Uint8Array, wanted: number): string {
  const reader = new BinaryReader(request);
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === wanted) return reader.string();
    reader.skip(type, field);
  }
  return "";
}
