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

/** The rules that are judged from bytes, and the fields whose rules are left to protovalidate. */
interface TypeRules {
  readonly rules: MessageRules | undefined;
  readonly left: ReadonlySet<number> | undefined;
}

/**
 * Checks the arguments of tools: a strict parse at every depth, then the rules in the `.proto` (protovalidate). The value
 * inside an Any is not looked at.
 */
export class ArgsValidator {
  readonly #validator: Validator;
  readonly #rules = new Map<DescMessage, TypeRules>();

  /** `image`: where the types and their own rules come from. */
  constructor(image: Image) {
    this.#validator = createValidator({ registry: image.registry, legacyRequired: true });
  }

  /**
   * Compiles the rules of a type, which takes up to a quarter of a second, so that its first call need not. Throws
   * protovalidate's CompilationError if that fails.
   */
  warm(desc: DescMessage): void {
    const result = this.#validator.validate(desc, create(desc));
    // A rule that fails on an empty message was compiled, too.
    if (result.error instanceof CompilationError) throw result.error;
    this.#holds(desc, new Uint8Array(0));
  }

  /**
   * Checks serialized arguments. Throws ARGS_INVALID with at most 16 violations, their texts cut to 256 characters of
   * well-formed Unicode, and the number of those left out. Of large arguments only what a rule looks at is decoded, and
   * nothing if a list is too long.
   */
  validate(desc: DescMessage, bytes: Uint8Array): void {
    if (!this.#holds(desc, bytes)) this.#explain(desc, bytes);
  }

  /** One pass over the bytes. What it cannot judge is decoded and left to protovalidate. */
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

  /** Finds what is wrong, and where. Nothing may be: {@link #holds} gives doubtful cases to it. */
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

/** In the words of protovalidate. */
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
  const text = `The arguments are not a valid ${desc.typeName}: ${where}${first?.message ?? "a rule does not hold"}${count > 1 ? ` (and ${count - 1} more)` : ""}.`;
  return new SealwireError("ARGS_INVALID", text, { violations, violationsOmitted });
}
