import { randomInt } from "node:crypto";
import { type DescMessage, fromBinary } from "@bufbuild/protobuf";
import { pathToString } from "@bufbuild/protobuf/reflect";
import { createValidator, type Validator } from "@bufbuild/protovalidate";
import fc from "fast-check";
import { SealwireError } from "../../src/errors.ts";
import { ArgsValidator } from "../../src/validation/args.ts";
import { fieldsLeft, messageRules } from "../../src/validation/message-rules.ts";
import { checkStrict, isStrict, StrictError } from "../../src/validation/strict.ts";
import { builtinImage, messageDesc } from "../../src/wire/descriptors.ts";
import { MAX_VIOLATIONS } from "../../src/wire/limits.ts";
import { propertyRuns } from "../support/property-runs.ts";
import { assert, suite } from "../support/suite.ts";
import { randomBytes, randomTypes } from "./random-rules.ts";

const test = suite("validation/rules");

const { numRuns, seed = randomInt(2 ** 31) } = propertyRuns(30);
const { image, types } = randomTypes(250, seed);

/** What the strict parse and protovalidate say of the whole message. */
function plainly(validator: Validator, desc: DescMessage, bytes: Uint8Array): readonly string[] {
  try {
    checkStrict(bytes, desc, { jsonNumbers: true });
  } catch (error) {
    assert.instance(error, StrictError);
    return [`${(error as StrictError).path} wire.strict`];
  }
  const result = validator.validate(desc, fromBinary(desc, bytes));
  if (result.kind === "valid") return [];
  if (result.kind === "error") return ["error"];
  return result.violations.slice(0, MAX_VIOLATIONS).map(({ field, ruleId }) => `${pathToString(field)} ${ruleId}`);
}

function asServed(validator: ArgsValidator, desc: DescMessage, bytes: Uint8Array): readonly string[] {
  try {
    validator.validate(desc, bytes);
    return [];
  } catch (error) {
    if (!(error instanceof SealwireError)) return ["error"];
    return error.violations.map(({ field, ruleId }) => `${field} ${ruleId}`);
  }
}

test("arguments are accepted and refused as by protovalidate, with the same violations, whatever rules and messages", () => {
  const reference = createValidator({ registry: image.registry, legacyRequired: true });
  const validator = new ArgsValidator(image);
  const found = { valid: 0, invalid: 0, fast: 0 };
  for (const desc of types) {
    const rules = messageRules(desc);
    const isJudged = fieldsLeft(desc, rules) === undefined;
    const check = fc.property(randomBytes(desc), (bytes) => {
      const expected = plainly(reference, desc, bytes);
      assert.equal(
        asServed(validator, desc, bytes),
        expected,
        `${desc.typeName} ${Buffer.from(bytes).toString("hex")}`,
      );
      if (expected.length > 0) found.invalid += 1;
      else if (isJudged) {
        found.valid += 1;
        if (isStrict(bytes, desc, { rules, jsonNumbers: true })) found.fast += 1;
      }
    });
    fc.assert(check, { numRuns, seed });
  }
  // Rules are kept and broken alike, and what is left to the second way is the exception.
  assert.ok(found.valid > 500 && found.invalid > 500, JSON.stringify(found));
  assert.ok(found.fast > found.valid * 0.95, JSON.stringify(found));
});

test("no rule of the demo's tools is left to protovalidate", () => {
  for (const name of ["BatchSumRequest", "StartLongTaskRequest"]) {
    const desc = messageDesc(builtinImage(), `sealwire.demo.v1.${name}`);
    assert.is(fieldsLeft(desc, messageRules(desc)), undefined, name);
  }
});

test.run();
