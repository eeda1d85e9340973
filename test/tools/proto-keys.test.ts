import { fromJson, type JsonObject, type JsonValue, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { StartLongTaskRequest } from "../../gen/sealwire/demo/v1/start_long_task.ts";
import { decodeWithProtoKeys, mayHoldProtoKey } from "../../src/tools/proto-keys.ts";
import { builtinImage, messageDesc } from "../../src/wire/descriptors.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("tools/proto-keys");

const desc = messageDesc(builtinImage(), "sealwire.demo.v1.StartLongTaskRequest");

function decoded(payload: JsonValue): unknown {
  const args = toBinary(desc, fromJson(desc, { seconds: 1, payload } as JsonObject));
  assert.is(mayHoldProtoKey(args), JSON.stringify(payload).includes("__proto__"));
  const input = decodeWithProtoKeys(args, desc, (bytes) => StartLongTaskRequest.decode(bytes));
  return (input as StartLongTaskRequest).payload;
}

test("the key is an own property like every other, and no object gets a prototype of its caller's making", () => {
  const payload = JSON.parse(
    '{"__proto__":{"isAdmin":true,"__proto__":[{"__proto__":1}]},"text":"__proto__"}',
  ) as JsonValue;
  const input = decoded(payload) as Record<string, unknown>;
  assert.is(Object.getPrototypeOf(input), Object.prototype);
  assert.is(input.isAdmin, undefined);
  assert.equal(Object.keys(input).sort(), ["__proto__", "text"]);
  assert.is(JSON.stringify(sorted(input)), JSON.stringify(sorted(payload)));
});

test("a codec whose messages are bytes gets them as they came", () => {
  const payload = JSON.parse('{"__proto__":{"isAdmin":true}}') as JsonValue;
  const args = toBinary(desc, fromJson(desc, { seconds: 1, payload } as JsonObject));
  const input = decodeWithProtoKeys(args, desc, (bytes) => bytes);
  assert.is(Buffer.from(input as Uint8Array).toString("hex"), Buffer.from(args).toString("hex"));
});

test("every JSON payload arrives as it was sent", () => {
  const keys = fc.oneof(fc.constant("__proto__"), fc.constantFrom("________0", "_", "a"), fc.string());
  const { value } = fc.letrec<{ value: JsonValue; object: JsonObject }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.string(),
      fc.boolean(),
      fc.integer(),
      tie("object"),
      fc.array(tie("value"), { maxLength: 3 }),
    ) as fc.Arbitrary<JsonValue>,
    object: fc.dictionary(keys, tie("value"), { maxKeys: 4, noNullPrototype: true }) as fc.Arbitrary<JsonObject>,
  }));
  fc.assert(
    fc.property(fc.dictionary(keys, value, { maxKeys: 4, noNullPrototype: true }), (payload) => {
      assert.is(JSON.stringify(sorted(decoded(payload))), JSON.stringify(sorted(payload)));
    }),
  );
});

/** Entries in place of objects, in the order of their keys. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.keys(value)
    .sort()
    .map((key) => [key, sorted(Object.getOwnPropertyDescriptor(value, key)?.value)]);
}

test.run();
