import type { DescMessage, JsonValue } from "@bufbuild/protobuf";
import fc from "fast-check";
import { encodeArguments } from "../../src/client/calls/arguments.ts";
import { checkJsonArguments } from "../../src/schema/argument-check.ts";
import { ArgsValidator } from "../../src/validation/args.ts";
import { messageDesc } from "../../src/wire/descriptors.ts";
import { propertyRuns } from "../support/property-runs.ts";
import { assert, suite } from "../support/suite.ts";
import { randomTypes } from "../validation/random-rules.ts";
import { everyContract } from "./contracts.ts";

const test = suite("schema/argument-check");

const image = everyContract();
const method = (name: string) => {
  const found = image.registry.getService("wide.v1.WideToolService")?.methods.find((each) => each.name === name);
  if (found === undefined) throw new Error(name);
  return found;
};
const lines = (target: string | DescMessage, json: JsonValue): string[] =>
  checkJsonArguments(image, typeof target === "string" ? method(target) : target, json).map(
    ({ field, message, rule }) => `${field}: ${message} [${rule}]`,
  );

test("five bad arguments at once give five lines", () => {
  const json = {
    numbers: [1, 2, 3, "x"],
    color: "red",
    wide_number: JSON.parse("9007199254740993"),
    data: "%",
    flag: 1,
  };
  assert.equal(lines("UseScalars", json), [
    'numbers[3]: "x" is not a whole number from -2147483648 to 2147483647 [json.type]',
    'color: "red" is none of COLOR_UNSPECIFIED, COLOR_RED, COLOR_DARK [json.type]',
    "wide_number: 9007199254740992 cannot be represented exactly as a JSON number; write it in quotes [json.exact_number]",
    'data: "%" is not base64 in quotes [json.type]',
    "flag: 1 is not true or false [json.type]",
  ]);
});

test("an int64 beyond 2^53 is refused as a number, wherever it is, and exact as text", () => {
  const number = JSON.parse("9007199254740993");
  const places: [string, JsonValue, string][] = [
    ["UseScalars", { unsigned_wide: number }, "unsigned_wide"],
    ["UseScalars", { wide_numbers: ["1", number] }, "wide_numbers[1]"],
    ["UseScalars", { by_int64: { 5: number } }, 'by_int64["5"]'],
    ["UseWellKnown", { maybe_wide: number }, "maybe_wide"],
    ["UseWellKnown", { wides: [number] }, "wides[0]"],
  ];
  for (const [name, json, field] of places) {
    const [problem, ...more] = checkJsonArguments(image, method(name), json);
    assert.equal([problem?.field, problem?.rule, more], [field, "json.exact_number", []], JSON.stringify(json));
    assert.equal(lines(name, JSON.parse(JSON.stringify(json).replaceAll(/\d{16}/g, '"9007199254740993"'))), []);
  }
});

test("a list may have as many items as the arguments hold", () => {
  const json = { list: [...Array<number>(200_000).fill(1), 2 ** 60] };
  assert.match(lines("UseDeclared", json).join(), /^list\[200000\]: is an integer beyond 2\^53/);
});

test("each kind of misfit is told with the field and what is allowed", () => {
  const cases: [string, JsonValue, string][] = [
    ["UseScalars", [], ": a list is not a JSON object [json.type]"],
    ["UseScalars", { nmber: 1 }, ': wide.v1.Scalars has no field "nmber"; did you mean number? [json.unknown_field]'],
    [
      "UseScalars",
      { bytext: {} },
      ': wide.v1.Scalars has no field "bytext"; did you mean by_text? [json.unknown_field]',
    ],
    [
      "UseScalars",
      { renamed: "a", shownAs: "b" },
      "renamed: is given twice, as renamed and as shownAs [json.duplicate_field]",
    ],
    ["UseScalars", { text: "\ud800" }, "text: the text has half a character, which UTF-8 cannot represent [json.type]"],
    [
      "UseScalars",
      { by_int32: { x: 1 } },
      'by_int32: the key "x" is not a whole number from -2147483648 to 2147483647 [json.map_key]',
    ],
    ["UseScalars", { by_int32: { "0x1": 1 } }, 'by_int32["0x1"]: "0x1" is not a decimal number [json.map_key]'],
    [
      "UseScalars",
      { number: "1_000" },
      'number: "1_000" is not a whole number from -2147483648 to 2147483647 [json.type]',
    ],
    ["UseWellKnown", { at: "soon" }, 'at: "soon" is not a time such as "2026-11-22T12:00:00Z" [json.type]'],
    ["UseWellKnown", { took: 5 }, 'took: 5 is not a time span in seconds such as "1.5s" [json.type]'],
    ["UseLegacy", {}, "must: is required [required]"],
    ["UseDeclared", "a", ": the arguments must be a JSON object [json.type]"],
  ];
  for (const [name, json, expected] of cases) assert.equal(lines(name, json), [expected]);
  assert.equal(lines("UseDeclared", { whatever: 1 }), []);
});

test("integers that a reader has rounded are found in free arguments, too", () => {
  const json = { id: 2 ** 53, parts: [{ n: -(2 ** 53) }, 1e300, 2 ** 53 - 1], text: "9007199254740993" };
  assert.equal(
    lines("UseDeclared", json).map((line) => line.replace(/:.*\[/, ": [")),
    ["id: [json.number]", "parts[0].n: [json.number]"],
  );
});

test("rules are told beside misfits, but not those of the fields that are misfits", () => {
  const json = { numbers: ["x"], needed: ["a"], counts: { a: -1 }, left: 1, right: 2, by_name: "a", first: 5, last: 6 };
  assert.equal(
    lines("UseShapeRules", json).map((line) => line.replace(/:.*\[/, ": [")),
    ["numbers[0]: [json.type]", "right: [oneof]", 'counts["a"]: [int32.gte]', "point: [required]"],
  );
  const rules = lines("UseShapeRules", { ...json, numbers: [], right: undefined as unknown as JsonValue });
  assert.match(rules.join("\n"), /numbers: .* \[repeated\.min_items\]/);
});

test("a flood of problems is cut, and says so", () => {
  const problems = checkJsonArguments(image, method("UseScalars"), { numbers: Array.from({ length: 99 }, () => "x") });
  assert.is(problems.length, 32);
  assert.equal(problems.at(-1)?.rule, "more");
});

test("JSON that is nested without end is refused, not followed", () => {
  let tree: JsonValue = {};
  for (let depth = 0; depth < 20_000; depth += 1) tree = { branch: { tree } };
  assert.is(checkJsonArguments(image, method("UseTree"), tree)[0]?.rule, "json.depth");
});

test("whatever has no problem is accepted by client and server, and nothing else is", () => {
  const random = randomTypes(25, 11);
  const validator = new ArgsValidator(random.image);
  let fitting = 0;
  for (const desc of [
    ...random.types,
    messageDesc(image, "wide.v1.Scalars"),
    messageDesc(image, "wide.v1.WellKnown"),
  ]) {
    const own = random.types.includes(desc) ? random.image : image;
    const contract = { tool: "t", input: desc, output: desc, registry: own.registry };
    const names = fc.constantFrom(...desc.fields.map(({ name }) => name));
    const value = fc.oneof(
      fc.jsonValue({ maxDepth: 2 }),
      fc.constantFrom(1, "1", "a", true, "YQ==", "COLOR_1", 2 ** 60),
    );
    fc.assert(
      fc.property(fc.dictionary(names, value, { maxKeys: 4 }), (json) => {
        const problems = checkJsonArguments(own, desc, json as JsonValue);
        let refusal: unknown;
        try {
          const { value: bytes } = encodeArguments(contract, json as JsonValue);
          (own === image ? new ArgsValidator(image) : validator).validate(desc, bytes);
        } catch (thrown) {
          refusal = thrown;
        }
        if (refusal === undefined) fitting += 1;
        assert.is(problems.length > 0, refusal !== undefined, `${JSON.stringify([json, problems])} ${refusal}`);
      }),
      propertyRuns(60),
    );
  }
  assert.ok(fitting > 100, String(fitting));
});

test.run();
