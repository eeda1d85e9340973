import { type DescMessage, fromBinary, fromJson, type JsonValue, toBinary, toJson } from "@bufbuild/protobuf";
import fc from "fast-check";
import type { JsonSchema } from "../../src/schema/json-schema.ts";
import { messageSchema } from "../../src/schema/message-schema.ts";
import { ArgsValidator } from "../../src/validation/args.ts";
import { propertyRuns } from "../support/property-runs.ts";
import { assert, suite } from "../support/suite.ts";
import { randomBytes, randomTypes } from "../validation/random-rules.ts";
import { Unsatisfiable, valuesOf } from "./random-values.ts";
import { compile, problemsOf } from "./validators.ts";

const test = suite("schema/message-schema");

const IS_FULL = process.env.SEALWIRE_FULL === "1";
const SEED = 20_261_130;
const { image, types } = randomTypes(IS_FULL ? 300 : 40, SEED);
const { registry } = image;
const RUNS = IS_FULL ? 200 : 25;

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

/** The ProtoJSON of a message; `undefined` for bytes that are none. */
function written(desc: DescMessage, bytes: Uint8Array, alwaysEmitImplicit: boolean): JsonValue | undefined {
  try {
    return toJson(desc, fromBinary(desc, bytes), { registry, useProtoFieldName: true, alwaysEmitImplicit });
  } catch {
    return undefined;
  }
}

test.run();
