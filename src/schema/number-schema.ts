import { type JsonObject, type JsonValue, ScalarType } from "@bufbuild/protobuf";
import { rangePattern } from "./digit-patterns.ts";
import { type Direction, type JsonSchema, oneOfValues, withConditions } from "./json-schema.ts";

/** A schema of one value, and the rules that it cannot say. */
export interface RuledSchema {
  readonly schema: JsonSchema;
  /** In the form of the rules that were given. */
  readonly unsaid: JsonObject;
}

/** The rules of one value, such as `int32` in the ProtoJSON of `buf.validate.FieldRules`. */
export interface ValueRules {
  readonly rules: JsonObject;
  /** True if a zero is refused, because it counts as absent. */
  readonly isRequired: boolean;
}

type Bounds = Readonly<Record<"gt" | "gte" | "lt" | "lte", JsonValue | undefined>>;
type Range = readonly [lowest: bigint, highest: bigint];

const BITS_32: Range = [-(2n ** 31n), 2n ** 31n - 1n];
const UNSIGNED_32: Range = [0n, 2n ** 32n - 1n];
const BITS_64: Range = [-(2n ** 63n), 2n ** 63n - 1n];
const UNSIGNED_64: Range = [0n, 2n ** 64n - 1n];
/** The numbers of the integer types. */
const RANGES: Readonly<Partial<Record<ScalarType, Range>>> = {
  [ScalarType.INT32]: BITS_32,
  [ScalarType.SINT32]: BITS_32,
  [ScalarType.SFIXED32]: BITS_32,
  [ScalarType.UINT32]: UNSIGNED_32,
  [ScalarType.FIXED32]: UNSIGNED_32,
  [ScalarType.INT64]: BITS_64,
  [ScalarType.SINT64]: BITS_64,
  [ScalarType.SFIXED64]: BITS_64,
  [ScalarType.UINT64]: UNSIGNED_64,
  [ScalarType.FIXED64]: UNSIGNED_64,
};
const LARGEST_FLOAT = 3.4028234663852886e38;

/** The numbers of an integer type; `undefined` for other types. */
export function integerRange(type: ScalarType): Range | undefined {
  return RANGES[type];
}

/** The schema of a number in an answer. */
function outputNumber(type: ScalarType): JsonSchema {
  const range = RANGES[type];
  if (range === undefined) {
    return { anyOf: [{ type: "number" }, oneOfValues("string", ["NaN", "Infinity", "-Infinity"])] };
  }
  const [lowest, highest] = range;
  if (isWide(range)) return { type: "string", pattern: lowest < 0n ? "^-?[0-9]+$" : "^[0-9]+$" };
  return { type: "integer", minimum: Number(lowest), maximum: Number(highest) };
}

/** The schema of a number by its type and rules. */
export function numberSchema(type: ScalarType, direction: Direction, given: ValueRules): RuledSchema {
  if (direction === "output") return { schema: outputNumber(type), unsaid: given.rules };
  const range = RANGES[type];
  return range === undefined ? floatSchema(type, given) : integerSchema(range, given, isWide(range));
}

/** The schema of a whole number as the key of a map, which is a text. */
export function integerKeySchema(type: ScalarType, given: ValueRules): RuledSchema {
  return integerSchema(RANGES[type] ?? BITS_64, given, true);
}

function isWide([, highest]: Range): boolean {
  return highest > UNSIGNED_32[1];
}

function integerSchema(range: Range, { rules, isRequired }: ValueRules, isText: boolean): RuledSchema {
  const { gt, gte, lt, lte, const: only, in: among, notIn, ...unsaid } = rules;
  const type = isText ? "string" : "integer";
  const toJson = (value: JsonValue): JsonValue => (isText ? String(value) : Number(value));
  const ranges = rangesWithin(range, { gt, gte, lt, lte });
  const conditions: JsonSchema[] = [...inAndOut({ only, among, notIn, isRequired }, toJson)];
  const isListed = conditions.some((condition) => "enum" in condition);
  if (!isListed) conditions.unshift(isText ? patternOf(ranges) : boundsOf(ranges));
  return { schema: withConditions({ type }, conditions), unsaid };
}

function patternOf(ranges: readonly Range[]): JsonSchema {
  return { pattern: `^(?:${ranges.map(([low, high]) => rangePattern(low, high)).join("|")})$` };
}

function boundsOf(ranges: readonly Range[]): JsonSchema {
  const [first, ...more] = ranges.map(([low, high]): JsonSchema => ({ minimum: Number(low), maximum: Number(high) }));
  return first !== undefined && more.length === 0 ? first : { anyOf: [...(first ? [first] : []), ...more] };
}

/** The numbers that the bounds leave. If the upper bound is below the lower one, those outside of the two. */
function rangesWithin([lowest, highest]: Range, { gt, gte, lt, lte }: Bounds): readonly Range[] {
  const lower = gt ?? gte;
  const upper = lt ?? lte;
  const from = lower === undefined ? lowest : BigInt(String(lower)) + (gt === undefined ? 0n : 1n);
  const to = upper === undefined ? highest : BigInt(String(upper)) - (lt === undefined ? 0n : 1n);
  const isOutside = lower !== undefined && upper !== undefined && BigInt(String(upper)) < BigInt(String(lower));
  const ranges: readonly Range[] = isOutside
    ? [
        [lowest, to],
        [from, highest],
      ]
    : [[from, to]];
  const left = ranges.filter(([low, high]) => low <= high);
  // Rules that no number satisfies are left to the server.
  return left.length === 0 ? [[lowest, highest]] : left;
}

interface Listed {
  readonly only: JsonValue | undefined;
  readonly among: JsonValue | undefined;
  readonly notIn: JsonValue | undefined;
  readonly isRequired: boolean;
}

/** Conditions for `const`, `in` and `not_in`. A required number is not 0. */
function* inAndOut(
  { only, among, notIn, isRequired }: Listed,
  toJson: (value: JsonValue) => JsonValue,
): Generator<JsonSchema> {
  if (only !== undefined) yield { enum: [toJson(only)] };
  if (Array.isArray(among) && among.length > 0) yield { enum: among.map(toJson) };
  const refused = [...(Array.isArray(notIn) ? notIn : []), ...(isRequired ? [0] : [])].map(toJson);
  if (refused.length > 0) yield { not: { enum: [...new Set(refused)] } };
}

function floatSchema(type: ScalarType, { rules, isRequired }: ValueRules): RuledSchema {
  const { gt, gte, lt, lte, const: only, in: among, notIn, finite: _isSaid, ...others } = rules;
  const isFloat = type === ScalarType.FLOAT;
  const toJson = (value: JsonValue): JsonValue => (isFloat ? shortestFloat(Number(value)) : Number(value));
  const listed = [only, ...(Array.isArray(among) ? among : []), ...(Array.isArray(notIn) ? notIn : [])];
  const bounds = [gt, gte, lt, lte];
  // JSON numbers are finite, so rules about NaN and infinities cannot be said.
  if ([...listed, ...bounds].some((value) => value !== undefined && !Number.isFinite(Number(value)))) {
    return { schema: floatOf(isFloat, []), unsaid: rules };
  }
  const lower: JsonSchema =
    gt !== undefined ? { exclusiveMinimum: toJson(gt) } : gte !== undefined ? { minimum: toJson(gte) } : {};
  const upper: JsonSchema =
    lt !== undefined ? { exclusiveMaximum: toJson(lt) } : lte !== undefined ? { maximum: toJson(lte) } : {};
  const isOutside = Number(lt ?? lte ?? Number.NaN) < Number(gt ?? gte ?? Number.NaN);
  const range: JsonSchema = isOutside ? { anyOf: [upper, lower] } : { ...lower, ...upper };
  const conditions = [range, ...inAndOut({ only, among, notIn, isRequired }, toJson)];
  return { schema: floatOf(isFloat, conditions), unsaid: others };
}

/** A float is refused beyond its range, a double reaches as far as JSON in most parsers. */
function floatOf(isFloat: boolean, conditions: readonly JsonSchema[]): JsonSchema {
  const schema = withConditions({ type: "number" }, conditions);
  if (!isFloat || "enum" in schema) return schema;
  const isBoundBelow = "minimum" in schema || "exclusiveMinimum" in schema;
  const isBoundAbove = "maximum" in schema || "exclusiveMaximum" in schema;
  return {
    ...schema,
    ...(!isBoundBelow && { minimum: -LARGEST_FLOAT }),
    ...(!isBoundAbove && { maximum: LARGEST_FLOAT }),
  };
}

/** The shortest decimal number that is the same float, such as 0.1 for 0.10000000149011612. */
function shortestFloat(value: number): number {
  for (let digits = 1; digits < 9; digits += 1) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}
