import {
  create,
  type DescExtension,
  type DescMessage,
  fromJson,
  type JsonObject,
  type MessageInitShape,
  setExtension,
  toBinary,
} from "@bufbuild/protobuf";
import { FieldOptionsSchema, type FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { SealwireError } from "../../src/errors.ts";
import { ArgsValidator } from "../../src/validation/args.ts";
import { builtinDescriptorSet, builtinImage, type Image, messageDesc, readImage } from "../../src/wire/descriptors.ts";
import { assert, suite } from "../support/suite.ts";
import { hex, sampleDesc, sampleImage } from "./sample-image.ts";

const test = suite("validation/args");

const SUM = messageDesc(builtinImage(), "sealwire.demo.v1.BatchSumRequest");
const TASK = messageDesc(builtinImage(), "sealwire.demo.v1.StartLongTaskRequest");
const validator = new ArgsValidator(builtinImage());

function refusal(desc: DescMessage, bytes: Uint8Array, by = validator): SealwireError {
  try {
    by.validate(desc, bytes);
  } catch (error) {
    assert.instance(error, SealwireError);
    assert.is((error as SealwireError).reason, "ARGS_INVALID");
    return error as SealwireError;
  }
  throw new Error("the arguments were accepted");
}

function numbers(...values: number[]): Uint8Array {
  return toBinary(SUM, create(SUM, { numbers: values }));
}

test("valid arguments pass", () => {
  validator.validate(SUM, numbers(1, 2, 3.5));
});

test("each broken rule is named with its field", () => {
  const error = refusal(SUM, numbers(1, Number.NaN, Number.POSITIVE_INFINITY));
  assert.equal(
    error.violations.map(({ field, ruleId }) => [field, ruleId]),
    [
      ["numbers[1]", "double.finite"],
      ["numbers[2]", "double.finite"],
    ],
  );
  assert.is(error.violationsOmitted, 0);
  assert.match(error.message, "sealwire.demo.v1.BatchSumRequest");
  assert.match(error.message, "(and 1 more)");
  assert.equal(refusal(SUM, numbers()).violations[0]?.ruleId, "repeated.min_items");
});

test("a list that is far too long is refused for its length, and none of its items is looked at", () => {
  const bad = numbers(...Array.from({ length: 10_001 }, () => Number.NaN));
  const unpacked = Buffer.alloc(9 * 10_001, Buffer.from([9, 0, 0, 0, 0, 0, 0, 0xf8, 0x7f]));
  for (const bytes of [bad, unpacked]) {
    const error = refusal(SUM, bytes);
    assert.equal(error.violations, [
      { field: "numbers", ruleId: "repeated.max_items", message: "must contain no more than 10000 item(s)" },
    ]);
    assert.is(error.violationsOmitted, 0);
  }
});

test("the rules hold for large arguments, too", () => {
  const payload = { text: "a".repeat(20_000) };
  const valid = toBinary(TASK, create(TASK, { seconds: 1, payload } as MessageInitShape<typeof TASK>));
  validator.validate(TASK, valid);
  const invalid = toBinary(TASK, create(TASK, { seconds: 21, payload } as MessageInitShape<typeof TASK>));
  assert.equal(
    refusal(TASK, invalid).violations.map(({ field, ruleId }) => [field, ruleId]),
    [["seconds", "int32.gte_lte"]],
  );
});

test("a number in a Struct that JSON cannot hold is refused with its place", () => {
  for (const x of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    const number = Buffer.alloc(9, 0x11);
    number.writeDoubleLE(x, 1);
    const value = Buffer.concat([Buffer.from([0x12, 9]), number]);
    const entry = Buffer.concat([Buffer.from([0x0a, 3 + value.length, 0x0a, 1, 0x78]), value]);
    const bytes = Buffer.concat([Buffer.from([0x08, 1, 0x12, entry.length]), entry]);
    const [violation] = refusal(TASK, bytes).violations;
    assert.equal([violation?.field, violation?.ruleId], ["payload.fields.value.number_value", "wire.strict"]);
    assert.match(violation?.message ?? "", "not finite");
  }
});

test("10,000 bad numbers give 16 violations and a count of the rest", () => {
  const error = refusal(SUM, numbers(...Array.from({ length: 10_000 }, () => Number.NaN)));
  assert.is(error.violations.length, 16);
  assert.is(error.violationsOmitted, 9_984);
  assert.ok(JSON.stringify(error.violations).length < 2_000);
});

test("an unknown field is refused and named, whatever the decoder would let through", () => {
  const error = refusal(SUM, hex("0a08000000000000f03f c03e01"));
  assert.equal(error.violations, [{ field: "", ruleId: "wire.strict", message: "unknown field number 1000" }]);
  assert.not.match(error.message, "undefined");
  const nested = refusal(TASK, hex("0801 1207 0a05 0a0161 3801"));
  assert.equal(nested.violations, [
    { field: "payload.fields", ruleId: "wire.strict", message: "unknown field number 7" },
  ]);
});

test("a Struct may have any key, and a Value may be unset", () => {
  validator.validate(TASK, hex("0801 1215 0a0f 0a095f5f70726f746f5f5f 1202 2001 0a02 1200"));
});

test("texts are cut to 256 characters of well-formed Unicode", () => {
  const { desc, image } = ruled({ map: { keys: { string: { maxLen: "3" } } } });
  const args = (key: string) => toBinary(desc, create(desc, { byText: { [key]: "x" } }));
  const [short] = refusal(desc, args("long"), new ArgsValidator(image)).violations;
  assert.is(short?.field, 'by_text["long"]');
  assert.is(short?.ruleId, "string.max_len");
  for (const padding of ["", "x"]) {
    const [cut] = refusal(desc, args(padding + "\u{1f600}".repeat(400)), new ArgsValidator(image)).violations;
    assert.is(cut?.field.length, 256);
    assert.ok(cut?.field.isWellFormed());
  }
});

test("a missing required field of proto2 is refused", () => {
  const legacy = new ArgsValidator(sampleImage);
  assert.is(refusal(sampleDesc("Legacy"), hex(""), legacy).violations[0]?.field, "must");
  legacy.validate(sampleDesc("Legacy"), hex("0801"));
});

test("a value inside an Any is not looked at", () => {
  new ArgsValidator(sampleImage).validate(sampleDesc("Sample"), hex("b20107 0a0161 1202ffff"));
});

test("warming compiles a type's rules", () => {
  validator.warm(TASK);
  const { desc, image } = ruled({ cel: [{ id: "broken", expression: "this.nothing ==" }] });
  assert.throws(() => new ArgsValidator(image).warm(desc), /broken|expression|parse/i);
});

test("a rule that fails while it is evaluated is not the caller's fault", () => {
  const { desc, image } = ruled({ cel: [{ id: "fails", expression: "1 / (size(this) - size(this)) == 1" }] });
  const failing = new ArgsValidator(image);
  failing.warm(desc);
  assert.throws(
    () => failing.validate(desc, toBinary(desc, create(desc, { byText: { a: "x" } }))),
    (error: unknown) => !(error instanceof SealwireError),
  );
});

test.run();

/** `sealwire.test.v1.Ruled`, a message with a map `by_text` under these rules (buf.validate.FieldRules as JSON). */
function ruled(rules: JsonObject): { desc: DescMessage; image: Image } {
  const extension = builtinImage().registry.getExtension("buf.validate.field") as DescExtension & {
    message: DescMessage;
  };
  const options = create(FieldOptionsSchema);
  setExtension(options, extension, fromJson(extension.message, rules));
  const file: MessageInitShape<typeof FileDescriptorProtoSchema> = {
    name: "sealwire/test/v1/ruled.proto",
    package: "sealwire.test.v1",
    syntax: "proto3",
    dependency: ["buf/validate/validate.proto"],
    messageType: [
      {
        name: "Ruled",
        field: [
          { name: "by_text", number: 1, label: 3, type: 11, typeName: ".sealwire.test.v1.Ruled.ByTextEntry", options },
        ],
        nestedType: [
          {
            name: "ByTextEntry",
            options: { mapEntry: true },
            field: [
              { name: "key", number: 1, label: 1, type: 9 },
              { name: "value", number: 2, label: 1, type: 9 },
            ],
          },
        ],
      },
    ],
  };
  const set = create(FileDescriptorSetSchema, { file: [file] });
  const image = readImage(builtinDescriptorSet(), toBinary(FileDescriptorSetSchema, set));
  return { desc: messageDesc(image, "sealwire.test.v1.Ruled"), image };
}
