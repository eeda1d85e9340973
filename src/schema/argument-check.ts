import {
  type DescMessage,
  type DescMethod,
  fromJson,
  type JsonObject,
  type JsonValue,
  toBinary,
} from "@bufbuild/protobuf";
import { SealwireError } from "../errors.ts";
import { ArgsValidator } from "../validation/args.ts";
import { findMisfits, type Misfit } from "../validation/json-misfit.ts";
import { isObject } from "../validation/json-numbers.ts";
import type { Image } from "../wire/descriptors.ts";
import { takesDeclared } from "./tool-schema.ts";

/** A problem of the JSON arguments of a tool. */
export interface ArgumentProblem {
  /** The path of the field, as in violations, with the names of the contract: `images[0].format`. Empty: the message. */
  readonly field: string;
  /** What is wrong, and what is allowed. */
  readonly message: string;
  /** The rule that is broken: one of the contract, such as "double.finite", or one of JSON, such as "json.type". */
  readonly rule: string;
}

/** Number of problems that one check returns at most. */
const MOST_PROBLEMS = 32;

const validators = new WeakMap<Image, ArgsValidator>();

/**
 * Checks JSON arguments as `client.call` and the server would, and returns all problems at once: first those of the
 * JSON, then the rules that are broken. Rules over fields that have another problem are left out. `target` is the method
 * of a tool or its request message. Of the arguments for a tool of an MCP server, only integers that a parser has
 * rounded are found here; the server checks its schema. At most 32
 * problems are returned; if there are more, the last one says so. The first check with an image takes longer, because
 * rules are compiled.
 *
 * @example
 * ```ts
 * const image = builtinImage();
 * const request = messageDesc(image, "sealwire.demo.v1.BatchSumRequest");
 * for (const { field, message, rule } of checkJsonArguments(image, request, { numbers: [1, "x"] }))
 *   console.log(`${field}: ${message} [${rule}]`);
 * ```
 */
export function checkJsonArguments(
  image: Image,
  target: DescMethod | DescMessage,
  json: JsonValue,
): readonly ArgumentProblem[] {
  if (target.kind === "rpc" && takesDeclared(image, target)) return declaredProblems(json);
  const desc = target.kind === "rpc" ? target.input : target;
  const misfits: Misfit[] = [];
  for (const misfit of findMisfits(desc, json, image.registry)) {
    misfits.push(misfit);
    if (misfits.length > MOST_PROBLEMS) return cut(misfits.map(toProblem));
  }
  return cut([...misfits.map(toProblem), ...brokenRules(image, desc, json, misfits)]);
}

function declaredProblems(json: JsonValue): readonly ArgumentProblem[] {
  if (isObject(json)) return cut(roundedIntegers(json));
  return [{ field: "", message: "the arguments must be a JSON object", rule: "json.type" }];
}

/** JavaScript writes integers from this one on with an exponent, as nobody writes an id. */
const WITH_EXPONENT = 1e21;

/** The integers that a parser may have rounded. They would reach the tool as other numbers. */
function roundedIntegers(json: JsonObject): ArgumentProblem[] {
  const problems: ArgumentProblem[] = [];
  const open: (readonly [path: string, value: JsonValue])[] = Object.entries(json);
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [path, value] = next;
    if (Array.isArray(value)) for (const [index, item] of value.entries()) open.push([`${path}[${index}]`, item]);
    else if (isObject(value)) for (const [name, each] of Object.entries(value)) open.push([`${path}.${name}`, each]);
    else if (Number.isInteger(value) && !Number.isSafeInteger(value) && Math.abs(Number(value)) < WITH_EXPONENT) {
      problems.push({ field: path, message: BEYOND_SAFE, rule: "json.number" });
    }
  }
  return problems.reverse();
}

const BEYOND_SAFE = "is an integer beyond 2^53, which JSON readers round; send it as text if the tool takes text";

function toProblem({ path, problem, rule }: Misfit): ArgumentProblem {
  return { field: path, message: problem, rule };
}

function cut(problems: readonly ArgumentProblem[]): readonly ArgumentProblem[] {
  if (problems.length <= MOST_PROBLEMS) return problems;
  const last = { field: "", message: "there are more problems, which are not listed", rule: "more" };
  return [...problems.slice(0, MOST_PROBLEMS - 1), last];
}

/** The rules that the arguments break, apart from the fields that are misfits. */
function brokenRules(
  image: Image,
  desc: DescMessage,
  json: JsonValue,
  misfits: readonly Misfit[],
): readonly ArgumentProblem[] {
  if (misfits.some(({ removable }) => removable === undefined)) return [];
  const removed = misfits.flatMap(({ removable }) => removable ?? []);
  try {
    const rest = removed.reduce((kept, { names }) => without(kept, names), json);
    const message = fromJson(desc, rest, { registry: image.registry });
    validatorOf(image).validate(desc, toBinary(desc, message));
    return [];
  } catch (error) {
    // Other errors come from rules that cannot be evaluated. The server says so.
    if (!(error instanceof SealwireError)) return [];
    const kept = error.violations.filter(({ field }) => !removed.some(({ path }) => isAround(field, path)));
    const problems = kept.map(({ field, ruleId, message }) => ({ field, message, rule: ruleId }));
    const more = { field: "", message: `${error.violationsOmitted} more rules are broken`, rule: "more" };
    return error.violationsOmitted > 0 ? [...problems, more] : problems;
  }
}

function validatorOf(image: Image): ArgsValidator {
  let validator = validators.get(image);
  if (validator === undefined) {
    validator = new ArgsValidator(image);
    validators.set(image, validator);
  }
  return validator;
}

/** True if a violation is about a field that was removed, about a part of it, or about a message that had it. */
function isAround(field: string, removed: string): boolean {
  const isWithin = (inner: string, outer: string): boolean =>
    outer === "" || inner === outer || (inner.startsWith(outer) && /^[.[]/.test(inner.slice(outer.length)));
  return isWithin(field, removed) || isWithin(removed, field);
}

/** A copy of JSON without the field that is reached by `names`. */
function without(json: JsonValue, [name, ...more]: readonly string[]): JsonValue {
  if (name === undefined || !isObject(json) || !Object.hasOwn(json, name)) return json;
  const { [name]: value, ...others } = json;
  if (more.length === 0) return others as JsonObject;
  return { ...others, [name]: without(value as JsonValue, more) };
}
