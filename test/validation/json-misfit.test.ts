import { fromJson, type JsonValue } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describeMisfit } from "../../src/validation/json-misfit.ts";
import { assert, suite } from "../support/suite.ts";
import { sampleDesc, sampleImage } from "./sample-image.ts";

const test = suite("validation/json-misfit");

const { registry } = sampleImage;
const SAMPLE = sampleDesc("Sample");

/** What is said of JSON that the parser refuses; `undefined` for what it accepts. */
function misfit(json: JsonValue): string | undefined {
  try {
    fromJson(SAMPLE, json, { registry });
    return undefined;
  } catch (refusal) {
    return describeMisfit(SAMPLE, json, { registry, refusal });
  }
}

test("the field is told by its path, counted from 0, and what it takes", () => {
  const cases: [JsonValue, string][] = [
    [[1], "a list is not a JSON object"],
    [5, "5 is not a JSON object"],
    [{ color: "PNG" }, 'color: "PNG" is none of COLOR_UNSPECIFIED, COLOR_RED, COLOR_DARK'],
    [{ colors: ["COLOR_RED", "RED"] }, 'colors[1]: "RED" is none of COLOR_UNSPECIFIED, COLOR_RED, COLOR_DARK'],
    [{ payload: 5 }, "payload: 5 is not a JSON object"],
    [{ numbers: [1, "x"] }, 'numbers[1]: "x" is not a whole number from -2147483648 to 2147483647'],
    [{ numbers: 5 }, "numbers: 5 is not a list in square brackets"],
    [{ numbers: [2 ** 31] }, "numbers[0]: 2147483648 is not a whole number from -2147483648 to 2147483647"],
    [{ child: { children: [{}, { text: 5 }] } }, "child.children[1].text: 5 is not a text in quotes"],
    [{ by_text: { a: "b", "c.d": 1 } }, 'by_text["c.d"]: 1 is not a text in quotes'],
    [{ by_int32: { x: 1 } }, 'by_int32: the key "x" is not a whole number from -2147483648 to 2147483647'],
    [{ by_bool: { true: { flag: "no" } } }, 'by_bool["true"].flag: "no" is not true or false'],
    [{ by_text: [] }, "by_text: a list is not a JSON object"],
    [{ wide: 1.5 }, "wide: 1.5 is not a whole number of 64 bits"],
    [{ data: "%" }, 'data: "%" is not base64 in quotes'],
    [{ child: { numbrs: [] } }, 'child: sealwire.test.v1.Sample has no field "numbrs"; did you mean numbers?'],
    [
      { anything: { "@type": "x/no.Such" } },
      'anything: an object is not an object whose "@type" is the URL of a known message',
    ],
    [
      { anything: { "@type": "type.googleapis.com/sealwire.test.v1.Sample", flag: 1 } },
      "anything.flag: 1 is not true or false",
    ],
  ];
  for (const [json, expected] of cases) assert.is(misfit(json), expected, JSON.stringify(json));
});

test("a oneof that is set twice is told with both names", () => {
  const text = misfit({ choice_text: "a", choice_number: "1" });
  assert.is(text, "choice_number: only one of choice_text and choice_number may be set");
});

test("of an enum or a message with many names some are listed", () => {
  const refusal = misfit({ nothingLikeIt: 1 }) ?? "";
  assert.match(refusal, /its fields are flag, number, .* and \d+ more$/);
});

test("whatever the parser refuses is told, and nothing fails meanwhile", () => {
  const names = fc.constantFrom(...SAMPLE.fields.map(({ name }) => name));
  const json = fc.dictionary(names, fc.jsonValue({ maxDepth: 3 }));
  fc.assert(fc.property(json, (value) => misfit(value as JsonValue) !== ""));
});

test.run();
