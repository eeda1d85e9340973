import { type DescField, type JsonObject, ScalarType } from "@bufbuild/protobuf";
import { refusesZero } from "./enum-schema.ts";
import type { Direction } from "./json-schema.ts";
import { integerRange, numberSchema, type RuledSchema, type ValueRules } from "./number-schema.ts";
import { bytesSchema, refusesEmpty, textSchema } from "./text-schema.ts";

/** The schema of a scalar by its rules. */
export function scalarSchema(type: ScalarType, direction: Direction, given: ValueRules): RuledSchema {
  switch (type) {
    case ScalarType.STRING:
      return textSchema(direction, given);
    case ScalarType.BYTES:
      return bytesSchema(direction, given);
    case ScalarType.BOOL:
      return boolSchema(direction, given);
    default:
      return numberSchema(type, direction, given);
  }
}

/** What to say of a scalar whose JSON form is not obvious. */
export function scalarHint(type: ScalarType): string {
  if (type === ScalarType.BYTES) return "Bytes in base64.";
  const range = integerRange(type);
  return range !== undefined && range[1] > 0xffffffffn ? "A whole number of 64 bits, as text." : "";
}

/** True if a rule refuses the zero of a field's type, which an absent value counts as. */
export function zeroBreaks({ scalar, enum: values }: Pick<DescField, "scalar" | "enum">, rules: JsonObject): boolean {
  if (values !== undefined) return refusesZero(values, rules);
  if (scalar === undefined) return false;
  if (scalar === ScalarType.STRING || scalar === ScalarType.BYTES) return refusesEmpty(rules);
  if (scalar === ScalarType.BOOL) return rules.const === true;
  return zeroNumberBreaks(rules);
}

/** As the rules themselves are: an upper bound below the lower one excludes the numbers between them. */
function zeroNumberBreaks({ gt, gte, lt, lte, const: only, in: among, notIn }: JsonObject): boolean {
  if (only !== undefined && Number(only) !== 0) return true;
  if (Array.isArray(among) && among.length > 0 && !among.some((each) => Number(each) === 0)) return true;
  if (Array.isArray(notIn) && notIn.some((each) => Number(each) === 0)) return true;
  const isBelow = gt !== undefined ? !(Number(gt) < 0) : gte !== undefined && !(Number(gte) <= 0);
  const isAbove = lt !== undefined ? !(Number(lt) > 0) : lte !== undefined && !(Number(lte) >= 0);
  const lower = Number(gt ?? gte ?? Number.NaN);
  const upper = Number(lt ?? lte ?? Number.NaN);
  return upper < lower ? isBelow && isAbove : isBelow || isAbove;
}

function boolSchema(direction: Direction, { rules, isRequired }: ValueRules): RuledSchema {
  if (direction === "output") return { schema: { type: "boolean" }, unsaid: rules };
  const { const: only, ...unsaid } = rules;
  const schema = isRequired
    ? { type: "boolean", enum: [true] }
    : { type: "boolean", ...(only !== undefined && { enum: [only] }) };
  return { schema, unsaid };
}
