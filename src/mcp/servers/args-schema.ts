import type { ErrorObject, ValidateFunction } from "ajv";
import type { FieldViolation } from "../../errors.ts";
import { MAX_VIOLATIONS } from "../../wire/limits.ts";
import type { AjvPackage } from "./packages.ts";
import { OutOfTime, withinTime } from "./within-time.ts";

/** The faults of arguments. */
export interface SchemaFaults {
  readonly violations: readonly FieldViolation[];
  /** Number of further ones. */
  readonly omitted: number;
}

/** Checks arguments; `undefined` if they fit. */
export type ArgsCheck = (args: unknown, bytes: number) => SchemaFaults | undefined;

/** Longest schema, in UTF-16 units of its JSON. */
const SCHEMA_MOST = 64 * 1024;
/** Maximum depth of a schema. Compiling it calls itself at each level. */
const DEPTH_MOST = 64;
/** Time in milliseconds for compiling one schema, and for checking arguments by it. */
const COMPILE_MS = 500;
const CHECK_MS = 100;
/** Arguments of this size are checked without a time limit, if the schema has no costly keyword. */
const SMALL_BYTES = 16 * 1024;
/** Maximum number of compiled schemas that are kept, so that a list that is read again costs nothing. */
const KEPT_MOST = 2_000;
/** Keywords whose cost may grow faster than the arguments. */
const COSTLY = /"(?:pattern|patternProperties|uniqueItems|\$ref|\$dynamicRef|\$recursiveRef)":/;
const DRAFT_7 = /^https?:\/\/json-schema\.org\/draft-0[67]\/schema#?$/;
const DRAFT_2020 = /^https?:\/\/json-schema\.org\/draft\/(?:2019-09|2020-12)\/schema#?$/;

/** A schema that cannot be used. The message says why, as the end of a sentence. */
export class SchemaRefused extends Error {
  override readonly name = "SchemaRefused";
}

/**
 * Compiles the JSON Schemas of tools. They come from others: their size and depth are limited, nothing is fetched for a
 * `$ref`, and neither compiling nor checking takes longer than a fixed time, whatever their regular expressions.
 */
export class SchemaCompiler {
  readonly #ajv: AjvPackage;
  readonly #compiled = new Map<string, ArgsCheck>();
  readonly #metas = new Map<AjvPackage["Ajv"], InstanceType<AjvPackage["Ajv"]>>();

  constructor(ajv: AjvPackage) {
    this.#ajv = ajv;
  }

  /** Compiles the schema of arguments, a JSON text. Throws {@link SchemaRefused}. */
  compile(text: string): ArgsCheck {
    const known = this.#compiled.get(text);
    if (known !== undefined) return known;
    if (text.length > SCHEMA_MOST)
      throw new SchemaRefused(`has ${text.length} characters; ${SCHEMA_MOST} are the most`);
    const schema = JSON.parse(text) as Readonly<Record<string, unknown>>;
    if (depthOf(schema) > DEPTH_MOST) throw new SchemaRefused(`is nested more than ${DEPTH_MOST} deep`);
    const dialect = this.#dialectOf(schema.$schema);
    const validate = this.#compile(dialect, schema);
    const isCostly = COSTLY.test(text);
    const compiled: ArgsCheck = (args, bytes) => check(validate, args, isCostly || bytes > SMALL_BYTES);
    if (this.#compiled.size >= KEPT_MOST) this.#compiled.clear();
    this.#compiled.set(text, compiled);
    return compiled;
  }

  #dialectOf(given: unknown): AjvPackage["Ajv"] {
    const { Ajv, Ajv2020 } = this.#ajv;
    if (given === undefined || (typeof given === "string" && DRAFT_2020.test(given))) return Ajv2020 as never;
    if (typeof given === "string" && DRAFT_7.test(given)) return Ajv;
    throw new SchemaRefused(`states the dialect ${JSON.stringify(given)?.slice(0, 100)}, which is not supported`);
  }

  #compile(dialect: AjvPackage["Ajv"], { $schema: _, ...schema }: Readonly<Record<string, unknown>>): ValidateFunction {
    try {
      return withinTime(COMPILE_MS, () => {
        const meta = this.#metaOf(dialect);
        if (meta.validateSchema(schema) !== true)
          throw new SchemaRefused(`is invalid: ${meta.errorsText(meta.errors)}`);
        return compileAlone(dialect, schema);
      });
    } catch (thrown) {
      if (thrown instanceof SchemaRefused) throw thrown;
      if (thrown instanceof OutOfTime) throw new SchemaRefused(`cannot be compiled: it ${thrown.message}`);
      const why = thrown instanceof Error ? thrown.message : String(thrown);
      throw new SchemaRefused(`cannot be compiled: ${why}`, { cause: thrown });
    }
  }

  #metaOf(dialect: AjvPackage["Ajv"]): InstanceType<AjvPackage["Ajv"]> {
    let meta = this.#metas.get(dialect);
    if (meta === undefined) {
      meta = new dialect(OPTIONS);
      this.#metas.set(dialect, meta);
    }
    return meta;
  }
}

/** Formats are annotations, as in draft 2020-12. Unknown keywords are ignored. */
const OPTIONS = {
  strict: false,
  allErrors: true,
  validateFormats: false,
  logger: false,
  addUsedSchema: false,
} as const;

/** In an instance of its own, because an $id of one schema must mean nothing to another. */
function compileAlone(dialect: AjvPackage["Ajv"], schema: object): ValidateFunction {
  // A reference to "#" is one to the schema that is used.
  const options = { ...OPTIONS, meta: false, validateSchema: false, addUsedSchema: true };
  try {
    return new dialect(options).compile(schema);
  } catch (thrown) {
    // Many patterns are written without the rules of Unicode mode, such as that "\_" is no escape.
    if (!(thrown instanceof SyntaxError)) throw thrown;
    return new dialect({ ...options, unicodeRegExp: false }).compile(schema);
  }
}

function check(validate: ValidateFunction, args: unknown, isLimited: boolean): SchemaFaults | undefined {
  try {
    if (isLimited ? limited(() => validate(args)) : validate(args)) return undefined;
  } catch (thrown) {
    // A reference may lead back to itself without end.
    if (!(thrown instanceof OutOfTime || thrown instanceof RangeError)) throw thrown;
    const message = `cannot be checked by the tool's schema within ${CHECK_MS} ms`;
    return { violations: [{ field: "arguments", ruleId: "schema.time", message }], omitted: 0 };
  }
  // A branch that does not fit is told by the keyword that has the branches, too.
  const errors = validate.errors ?? [];
  const listed = errors.slice(0, MAX_VIOLATIONS).map(describe);
  return { violations: listed, omitted: errors.length - listed.length };
}

/** Tries again if the time is over: the process may have stood still. */
function limited(run: () => boolean): boolean {
  try {
    return withinTime(CHECK_MS, run);
  } catch (thrown) {
    if (!(thrown instanceof OutOfTime)) throw thrown;
    return withinTime(CHECK_MS, run);
  }
}

function describe({ instancePath, keyword, message = "does not fit", params }: ErrorObject): FieldViolation {
  const { missingProperty, additionalProperty, unevaluatedProperty, allowedValues, allowedValue } = params;
  const inner = missingProperty ?? additionalProperty ?? unevaluatedProperty;
  const field = fieldPath(inner === undefined ? instancePath : `${instancePath}/${escapePointer(String(inner))}`);
  return { field, ruleId: `schema.${keyword}`, message: messageOf() };

  function messageOf(): string {
    if (missingProperty !== undefined) return "is required";
    if (additionalProperty !== undefined || unevaluatedProperty !== undefined) return "is not a property of the tool";
    if (Array.isArray(allowedValues))
      return `must be one of ${allowedValues.map((value) => JSON.stringify(value)).join(", ")}`;
    if (keyword === "const") return `must be ${JSON.stringify(allowedValue)}`;
    return message;
  }
}

/** The path of a JSON Pointer in the arguments, as violations have it: `arguments.paths[0]["a b"]`. */
export function fieldPath(pointer: string): string {
  const parts = pointer
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
  return parts.reduce((path, part) => {
    if (/^\d+$/.test(part)) return `${path}[${part}]`;
    return /^[A-Za-z_]\w*$/.test(part) ? `${path}.${part}` : `${path}[${JSON.stringify(part)}]`;
  }, "arguments");
}

function escapePointer(part: string): string {
  return part.replaceAll("~", "~0").replaceAll("/", "~1");
}

function depthOf(value: unknown): number {
  let depth = 0;
  for (let level = [value]; level.length > 0 && depth <= DEPTH_MOST + 1; depth += 1) {
    level = level.flatMap((each) => (typeof each === "object" && each !== null ? Object.values(each) : []));
  }
  return depth;
}
