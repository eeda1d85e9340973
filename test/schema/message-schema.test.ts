import { create, type DescMessage, fromBinary, fromJson, type JsonValue, toBinary, toJson } from "@bufbuild/protobuf";
import {
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import type { JsonSchema } from "../../src/schema/json-schema.ts";
import { messageSchema } from "../../src/schema/message-schema.ts";
import { ArgsValidator } from "../../src/validation/args.ts";
import { isObject } from "../../src/validation/json-numbers.ts";
import { messageDesc, readImage } from "../../src/wire/descriptors.ts";
import { propertyRuns } from "../support/property-runs.ts";
import { assert, suite } from "../support/suite.ts";
import { randomBytes, randomTypes } from "../validation/random-rules.ts";
import { Unsatisfiable, valuesOf } from "./random-values.ts";
import { compile, problemsOf } from "./validators.ts";

const test = suite("schema/message-schema");

const IS_FULL = process.env.SEALWIRE_FULL === "1";
const SEED = 20_261_130;
const { image, types } = randomTypes(IS_FULL ? 150 : 40, SEED);
const { registry } = image;
const RUNS = IS_FULL ? 100 : 25;

/** Values that a schema accepts; `undefined` if its random rules exclude each other. */
function satisfying(schema: JsonSchema): fc.Arbitrary<JsonValue> | undefined {
  try {
    return valuesOf(schema);
  } catch (thrown) {
    if (!(thrown instanceof Unsatisfiable)) throw thrown;
    return undefined;
  }
}

test("of messages under random rules, ProtoJSON accepts what the schema accepts", () => {
  let fitting = 0;
  for (const desc of types) {
    const schema = messageSchema(image, desc, "input");
    compile(schema);
    const values = satisfying(schema);
    if (values === undefined) continue;
    fitting += 1;
    fc.assert(
      fc.property(values, (value) => {
        assert.is(problemsOf(schema, value), "");
        try {
          toBinary(desc, fromJson(desc, value, { registry }));
        } catch (refusal) {
          assert.match(String(refusal), "oneof set multiple times", JSON.stringify(schema));
        }
      }),
      propertyRuns(RUNS),
    );
  }
  assert.ok(fitting > types.length / 2, String(fitting));
});

test("their answers fit the output schema, whatever bytes they come from", () => {
  let fitting = 0;
  for (const desc of types) {
    const schema = messageSchema(image, desc, "output");
    fc.assert(
      fc.property(randomBytes(desc), fc.boolean(), (bytes, alwaysEmitImplicit) => {
        const json = written(desc, bytes, alwaysEmitImplicit);
        if (json === undefined) return;
        fitting += 1;
        assert.is(problemsOf(schema, json), "");
      }),
      propertyRuns(RUNS),
    );
  }
  assert.ok(fitting > types.length);
});

test("rules refuse nothing that the server accepts", () => {
  const validator = new ArgsValidator(image);
  let accepted = 0;
  for (const desc of types) {
    const schema = messageSchema(image, desc, "input");
    fc.assert(
      fc.property(randomBytes(desc), (bytes) => {
        try {
          validator.validate(desc, bytes);
        } catch {
          return;
        }
        const json = written(desc, bytes, false);
        const validate = compile(schema);
        // Numbers of enums, NaN and infinities are written otherwise than the schema wants.
        if (json === undefined || (!validate(json) && validate.errors?.[0]?.keyword === "type")) return;
        accepted += 1;
        assert.is(problemsOf(schema, json), "", JSON.stringify([json, schema]));
      }),
      propertyRuns(RUNS * 4),
    );
  }
  assert.ok(accepted > types.length);
});

/** The schema of the first of these messages, each of whose fields is of the next message. */
function chainSchema(length: number, names: readonly string[]): JsonSchema {
  const messageType = Array.from({ length }, (_, index) => ({
    name: `M${index}`,
    field: names.map((name, at) => ({
      name,
      number: at + 1,
      label: FieldDescriptorProto_Label.OPTIONAL,
      type: index === length - 1 ? FieldDescriptorProto_Type.INT32 : FieldDescriptorProto_Type.MESSAGE,
      ...(index < length - 1 && { typeName: `.chain.v1.M${index + 1}` }),
    })),
  }));
  const file = create(FileDescriptorProtoSchema, {
    name: "chain.proto",
    package: "chain.v1",
    syntax: "proto3",
    messageType,
  });
  const chain = readImage(toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: [file] })));
  return messageSchema(chain, messageDesc(chain, "chain.v1.M0"), "input");
}

/** How many messages there are below the first field of a schema, and below the last one. */
function depths(schema: JsonSchema): readonly number[] {
  const depthOf = (part: JsonValue | undefined, last: boolean): number => {
    const members = isObject(part) && isObject(part.properties) ? Object.values(part.properties) : [];
    return members.length === 0 ? 0 : 1 + depthOf(members.at(last ? -1 : 0), last);
  };
  return [depthOf(schema, false), depthOf(schema, true)];
}

test("types that multiply are written out to the same depth everywhere, and then no further", () => {
  const schema = chainSchema(30, ["a", "b", "c"]);
  assert.ok(JSON.stringify(schema).length < 200_000);
  assert.equal(depths(schema), [6, 5]);
});

test("a chain of messages is written out no further than parsers follow it", () => {
  assert.equal(depths(chainSchema(150, ["a"])), [64, 64]);
});

test("a field may be named as what every object has", () => {
  const schema = chainSchema(1, ["__proto__", "constructor"]);
  assert.equal(Object.keys(schema.properties as object), ["__proto__", "constructor"]);
  assert.match(JSON.stringify(schema), '"__proto__":{"type":"integer"');
});

/** The ProtoJSON of a message; `undefined` for bytes that are none. */
function written(desc: DescMessage, bytes: Uint8Array, alwaysEmitImplicit: boolean): JsonValue | undefined {
  try {
    return toJson(desc, fromBinary(desc, bytes), { registry, useProtoFieldName: true, alwaysEmitImplicit });
  } catch {
    return undefined;
  }
}

test.run();
