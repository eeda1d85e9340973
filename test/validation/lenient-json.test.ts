import { create, createRegistry, type JsonValue } from "@bufbuild/protobuf";
import { anyPack, DurationSchema, TimestampSchema, ValueSchema } from "@bufbuild/protobuf/wkt";
import { toLenientJson } from "../../src/validation/lenient-json.ts";
import { builtinImage, messageDesc } from "../../src/wire/descriptors.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("validation/lenient-json");

const image = builtinImage();
const registry = createRegistry(image.registry, TimestampSchema, DurationSchema, ValueSchema);

function pollJob(message: object): JsonValue {
  const desc = messageDesc(image, "sealwire.system.v1.PollJobResponse");
  return toLenientJson(desc, create(desc, message as never), registry);
}

test("what ProtoJSON can hold is ProtoJSON", () => {
  assert.equal(pollJob({ job: { jobId: "j", revision: 2n ** 60n, createTime: { seconds: 1n } } }), {
    job: { jobId: "j", revision: "1152921504606846976", createTime: "1970-01-01T00:00:01Z" },
  });
});

test("beside one value that it cannot hold all others stand as usual", () => {
  const json = pollJob({
    job: {
      jobId: "j",
      revision: 5n,
      state: 3,
      createTime: { seconds: 2n ** 60n, nanos: 1 },
      error: { message: "m", violations: [{ field: "f" }], retryDelay: { seconds: 2n ** 50n } },
    },
  });
  assert.equal(json, {
    job: {
      jobId: "j",
      state: "JOB_STATE_SUCCEEDED",
      revision: "5",
      error: { message: "m", violations: [{ field: "f" }], retryDelay: { seconds: "1125899906842624" } },
      createTime: { seconds: "1152921504606846976", nanos: 1 },
    },
  });
});

test("an Any of an unknown type is its bytes, one of a known type its content", () => {
  const unknown = { typeUrl: "type.googleapis.com/nobody.knows.This", value: Uint8Array.of(8, 1) };
  assert.equal(pollJob({ output: unknown }), { output: { "@type": unknown.typeUrl, value: "CAE=" } });
  const nan = create(ValueSchema, { kind: { case: "numberValue", value: Number.NaN } });
  assert.equal(pollJob({ output: anyPack(ValueSchema, nan) }), {
    output: { "@type": "type.googleapis.com/google.protobuf.Value", value: "NaN" },
  });
  const broken = { typeUrl: "type.googleapis.com/sealwire.v1.Job", value: Uint8Array.of(8) };
  assert.equal(pollJob({ output: broken }), { output: { "@type": broken.typeUrl, value: "CA==" } });
});

test.run();
