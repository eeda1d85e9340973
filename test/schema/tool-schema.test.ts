import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  type DescMethod,
  fromBinary,
  fromJson,
  type JsonObject,
  type JsonValue,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import fc from "fast-check";
import { ToolDescription } from "../../gen/sealwire/system/v1/list_tools.ts";
import { exampleArguments } from "../../src/cli/output/example-arguments.ts";
import { SealwireError } from "../../src/errors.ts";
import { toolJsonSchema, toolJsonSchemas } from "../../src/schema/tool-schema.ts";
import { isObject } from "../../src/validation/json-numbers.ts";
import { builtinDescriptorSet, findMethod, readImage } from "../../src/wire/descriptors.ts";
import { ROOT } from "../architecture/source-files.ts";
import { buildDescriptors } from "../support/build-descriptors.ts";
import { propertyRuns } from "../support/property-runs.ts";
import { assert, suite } from "../support/suite.ts";
import { everyContract } from "./contracts.ts";
import { GOLDEN, goldenFiles } from "./golden.ts";
import { valuesOf } from "./random-values.ts";
import { compile, compileAsDraft7, problemsOf } from "./validators.ts";

const test = suite("schema/tool-schema");

const image = everyContract();
const { registry } = image;
const RUNS = process.env.SEALWIRE_FULL === "1" ? 500 : 20;

const methods: readonly DescMethod[] = [...registry].flatMap((type) =>
  type.kind === "service" && !/^(?:sealwire\.v1|grpc\.|google\.)/.test(type.typeName) ? type.methods : [],
);

/** The schemas of a tool whose messages are its contract's own. */
const derived = methods
  .map((method) => ({ method, ...toolJsonSchema(image, method) }))
  .filter(({ inputIs }) => inputIs !== "arguments");

function unboxed(json: JsonValue, is: string): JsonValue {
  return is === "value" ? ((json as JsonObject).value as JsonValue) : json;
}

test("the schemas of every contract are as expected", () => {
  const files = goldenFiles();
  assert.equal(globSync("*.json", { cwd: GOLDEN }).sort(), [...files.keys()].sort());
  for (const [name, text] of files) {
    const hint = `${name}: run \`node test/schema/write-golden.ts\` and read the difference`;
    assert.fixture(text, readFileSync(join(GOLDEN, name), "utf8"), hint);
  }
});

test("each is a schema for old hosts and new ones, without what some of them refuse", () => {
  for (const { method, input, output } of derived) {
    for (const schema of [input, output]) {
      if (schema === undefined) continue;
      compile(schema);
      compileAsDraft7(schema);
      assert.is(schema.type, "object", method.name);
      assert.ok(isObject(schema.properties), method.name);
      for (const keyword of ["anyOf", "oneOf", "allOf", "not", "enum"]) assert.not.ok(keyword in schema, method.name);
      for (const part of partsOf(schema)) {
        for (const keyword of ["$ref", "$schema", "$defs", "definitions"]) assert.not.ok(keyword in part, method.name);
        assert.not.ok(Array.isArray(part.type), method.name);
        if (part.type === "array" && schema === input) assert.ok(isObject(part.items), method.name);
        // A schema that accepts everything is refused by some hosts, too.
        assert.ok(
          Object.keys(part).some((keyword) => keyword !== "description"),
          method.name,
        );
      }
      for (const name of namesIn(input)) assert.match(name, /^[@a-zA-Z0-9_.-]{1,64}$/);
    }
  }
});

/** A schema with all of its parts. */
function partsOf(schema: JsonObject): JsonObject[] {
  const members = isObject(schema.properties) ? Object.values(schema.properties) : [];
  const { items, additionalProperties, propertyNames, anyOf = [], allOf = [], not } = schema;
  const below = [...members, items, additionalProperties, propertyNames, not, ...[anyOf].flat(), ...[allOf].flat()];
  return [schema, ...below.filter((each): each is JsonObject => isObject(each)).flatMap(partsOf)];
}

function namesIn(schema: JsonObject): string[] {
  return partsOf(schema).flatMap(({ properties }) => (isObject(properties) ? Object.keys(properties) : []));
}

test("the tools of an answer have their schemas by name", () => {
  const path = "sealwire.demo.v1.DemoToolService.BatchSum";
  const descriptorSet = builtinDescriptorSet();
  const tools = [ToolDescription.create({ name: "add", method: path })];
  const schemas = toolJsonSchemas({ tools, descriptorSet });
  assert.equal([...schemas], [["add", toolJsonSchema(image, findMethod(image, path) as DescMethod)]]);
  const foreign = [ToolDescription.create({ name: "add", method: "no.v1.Service.Method" })];
  const missing = thrownBy(() => toolJsonSchemas({ tools: foreign, descriptorSet }));
  assert.equal(missing.reason, "RESPONSE_INVALID");
  assert.is(missing.message, "The server lists add without the contract of no.v1.Service.Method.");
});

test("a schema in the options that is no JSON object is refused with the option and the method", () => {
  const folder = join(ROOT, "test/schema/proto");
  for (const [option, good] of [
    ["input_schema", `'{"type":"object"}'`],
    ["output_schema", `'{"type":"object","properties":{"size":{"type":"integer"}}}'`],
  ] as const) {
    const bad = readImage(
      buildDescriptors(folder, (source) => source.replace(`${option}: ${good}`, `${option}: "[]"`)),
    );
    const service = bad.registry.getService("wide.v1.WideToolService");
    const errors = (service?.methods ?? []).flatMap((method) => {
      const error = caughtBy(() => toolJsonSchema(bad, method));
      return error === undefined ? [] : [error];
    });
    assert.equal(
      errors.map(({ reason }) => reason),
      ["OPTIONS_INVALID"],
    );
    assert.match(
      errors[0]?.message ?? "",
      new RegExp(`^The ${option} of wide\\.v1\\.WideToolService\\.Use\\w+ must be`),
    );
  }
});

function thrownBy(run: () => unknown): SealwireError {
  const error = caughtBy(run);
  if (error === undefined) throw new Error("nothing was thrown");
  return error;
}

function caughtBy(run: () => unknown): SealwireError | undefined {
  try {
    run();
  } catch (thrown) {
    if (thrown instanceof SealwireError) return thrown;
    throw thrown;
  }
  return undefined;
}

for (const { method, input, output, inputIs, outputIs } of derived) {
  const name = `${method.parent.typeName}.${method.name}`;

  test(`what the input schema of ${name} accepts, ProtoJSON accepts`, () => {
    fc.assert(
      fc.property(valuesOf(input), (value) => {
        assert.is(problemsOf(input, value), "");
        const json = unboxed(JSON.parse(JSON.stringify(value)), inputIs);
        try {
          toBinary(method.input, fromJson(method.input, json, { registry }));
        } catch (refusal) {
          // Schemas without combinators cannot exclude it.
          if (!String(refusal).includes("oneof set multiple times")) throw refusal;
        }
      }),
      propertyRuns(RUNS),
    );
  });

  test(`whatever ${name} returns fits its output schema`, () => {
    if (output === undefined) throw new Error("no schema");
    // What its own input schema accepts, and all that ProtoJSON writes of it.
    const values = valuesOf(toolJsonSchema(image, { ...method, input: method.output } as DescMethod).input);
    fc.assert(
      fc.property(values, fc.boolean(), (value, alwaysEmitImplicit) => {
        let message: ReturnType<typeof fromJson>;
        try {
          message = fromJson(method.output, unboxed(value, outputIs), { registry });
        } catch (refusal) {
          return assert.match(String(refusal), "oneof set multiple times");
        }
        const sent = fromBinary(method.output, toBinary(method.output, message));
        const json = toJson(method.output, sent, { registry, useProtoFieldName: true, alwaysEmitImplicit });
        assert.is(problemsOf(output, outputIs === "value" ? { value: json } : json), "");
      }),
      propertyRuns(RUNS),
    );
  });

  test(`the example arguments of ${name} fit its input schema`, () => {
    const example = exampleArguments(image, method.input);
    // A value that is no object has no example, nor do rules that nothing satisfies.
    if (!example.valid || inputIs === "value") return;
    const message = fromJson(method.input, example.json, { registry });
    const json = toJson(method.input, message, { registry, useProtoFieldName: true });
    assert.is(problemsOf(input, json), "");
  });
}

test.run();
