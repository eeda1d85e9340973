import { create, type DescMessage, fromBinary } from "@bufbuild/protobuf";
import { pathToString } from "@bufbuild/protobuf/reflect";
import { CompilationError, createValidator, type Validator, type Violation } from "@bufbuild/protovalidate";
import { type FieldViolation, SealwireError } from "../errors.ts";
import type { Image } from "../wire/descriptors.ts";
import { cutText } from "../wire/error-message.ts";
import { LARGE_ARGS_BYTES, MAX_VIOLATIONS } from "../wire/limits.ts";
import { fieldsLeft, type MessageRules, messageRules } from "./message-rules.ts";
import { onlyFields, ruledFields } from "./ruled-fields.ts";
import { findLongLists, isStrict, type LongList, StrictError } from "./strict.ts";

/** Longest text in a violation, in UTF-16 units. */
const MAX_TEXT_LENGTH = 256;

/** The rules that are checked on the bytes, and the fields whose rules protovalidate checks. */
interface TypeRules {
  readonly rules: MessageRules | undefined;
  readonly left: ReadonlySet<number> | undefined;
}

/**
 * Checks the arguments of tools: a strict parse at every depth, then the rules in the `.proto` (protovalidate). The
 * value inside an Any is not checked.
 */
export class ArgsValidator {
  readonly #validator: Validator;
  readonly #rules = new Map<DescMessage, TypeRules>();

  /** `image` contains the types and their rules. */
  constructor(image: Image) {
    this.#validator = createValidator({ registry: image.registry, legacyRequired: true });
  }

  /**
   * Compiles the rules of a type, which takes up to 250 ms, so that the first call is not delayed. Throws
   * protovalidate's CompilationError on failure.
   */
  warm(desc: DescMessage): void {
    const result = this.#validator.validate(desc, create(desc));
    // Other errors come from evaluating a rule on the empty message, so the rules were compiled.
    if (result.error instanceof CompilationError) throw result.error;
    this.#holds(desc, new Uint8Array(0));
  }

  /**
   * Checks serialized arguments. Throws ARGS_INVALID with at most 16 violations and the number of omitted ones. Texts
   * are truncated to 256 characters of well-formed Unicode. Of large arguments only fields with rules are decoded, and
   * none if a list is too long.
   */
  validate(desc: DescMessage, bytes: Uint8Array): void {
    if (!this.#holds(desc, bytes)) this.#explain(desc, bytes);
  }

  /** Checks the rules of a message that is a strict encoding. Does nothing if there are none. Throws as {@link validate} does. */
  validateRules(desc: DescMessage, bytes: Uint8Array): void {
    const { rules, left } = this.#rulesOf(desc);
    if (rules !== undefined || left !== undefined) this.validate(desc, bytes);
  }

  /** Checks the bytes in one pass. Fields whose rules it cannot check are decoded and passed to protovalidate. */
  #holds(desc: DescMessage, bytes: Uint8Array): boolean {
    const { rules, left } = this.#rulesOf(desc);
    if (!isStrict(bytes, desc, { rules, jsonNumbers: true })) return false;
    return (
      left === undefined || this.#validator.validate(desc, fromBinary(desc, onlyFields(bytes, left))).kind === "valid"
    );
  }

  #rulesOf(desc: DescMessage): TypeRules {
    let known = this.#rules.get(desc);
    if (known === undefined) {
      const rules = messageRules(desc);
      known = { rules, left: fieldsLeft(desc, rules) };
      this.#rules.set(desc, known);
    }
    return known;
  }

  /** Finds the violations. The arguments may still be valid, because {@link #holds} returns false in doubtful cases. */
  #explain(desc: DescMessage, bytes: Uint8Array): void {
    const isLarge = bytes.length > LARGE_ARGS_BYTES;
    const longLists = parseStrictly(desc, bytes, isLarge);
    if (longLists.length > 0) {
      const listed = longLists.slice(0, MAX_VIOLATIONS);
      throw invalid(desc, listed.map(describeLongList), longLists.length - listed.length);
    }
    const message = fromBinary(desc, isLarge ? onlyFields(bytes, ruledFields(desc)) : bytes);
    const result = this.#validator.validate(desc, message);
    if (result.kind === "valid") return;
    if (result.kind === "error") throw result.error;
    const { violations } = result;
    const listed = violations.slice(0, MAX_VIOLATIONS);
    throw invalid(desc, listed.map(describe), violations.length - listed.length);
  }
}

function parseStrictly(desc: DescMessage, bytes: Uint8Array, listLengths: boolean): readonly LongList[] {
  try {
    return findLongLists(bytes, desc, { jsonNumbers: true, rules: listLengths ? messageRules(desc) : undefined });
  } catch (error) {
    if (!(error instanceof StrictError)) throw error;
    const { path, problem } = error;
    throw invalid(desc, [{ field: cut(path), ruleId: "wire.strict", message: cut(problem) }], 0);
  }
}

/** Uses protovalidate's wording. */
function describeLongList({ path, mostItems }: LongList): FieldViolation {
  const message = `must contain no more than ${mostItems} item(s)`;
  return { field: cut(path), ruleId: "repeated.max_items", message };
}

function describe(violation: Violation): FieldViolation {
  const { field, ruleId, message } = violation;
  return { field: cut(pathToString(field)), ruleId: cut(ruleId), message: cut(message) };
}

function cut(text: string): string {
  return cutText(text, MAX_TEXT_LENGTH);
}

function invalid(desc: DescMessage, violations: readonly FieldViolation[], violationsOmitted: number): SealwireError {
  const count = violations.length + violationsOmitted;
  const first = violations[0];
  const where = first?.field ? `${first.field}: ` : "";
  const text = `The arguments are not a valid ${desc.typeName}: ${where}${first?.message ?? "a rule is violated"}${count > 1 ? ` (and ${count - 1} more)` : ""}.`;
  return new SealwireError("ARGS_INVALID", text, { violations, violationsOmitted });
}
