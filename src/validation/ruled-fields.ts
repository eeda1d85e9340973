import { type DescField, type DescMessage, getOption, hasOption, isFieldSet } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";
import {
  field,
  Ignore,
  message,
  oneof,
  RepeatedRulesSchema,
} from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { WireCursor } from "../wire/wire-cursor.ts";
import type { ListRules } from "./strict.ts";

const NO_RULES: ListRules = { mostItems: Number.POSITIVE_INFINITY, unruled: false };
const rulesOfLists = new WeakMap<DescField, ListRules>();
const ruled = new WeakMap<DescMessage, ReadonlySet<number>>();

/**
 * The serialized message without those of its own fields that no rule in the contract looks at, so that they need not be
 * decoded to check the rules. For bytes that passed the strict parse.
 */
export function ruledFieldsOnly(bytes: Uint8Array, desc: DescMessage): Uint8Array {
  let numbers = ruled.get(desc);
  if (numbers === undefined) {
    numbers = new Set(ruledFields(desc).map(({ number }) => number));
    ruled.set(desc, numbers);
  }
  const cursor = new WireCursor(bytes);
  const end = bytes.length;
  const kept: Uint8Array[] = [];
  while (cursor.pos < end) {
    const start = cursor.pos;
    const tag = cursor.tag(end);
    cursor.skip(tag & 7, end);
    if (numbers.has(tag >>> 3)) kept.push(bytes.subarray(start, cursor.pos));
  }
  return Buffer.concat(kept);
}

/** What the rules say of a field that can be told from its bytes; see {@link ListRules}. */
export function listRules(desc: DescField): ListRules {
  let rules = rulesOfLists.get(desc);
  if (rules === undefined) {
    rules = readListRules(desc);
    rulesOfLists.set(desc, rules);
  }
  return rules;
}

function readListRules(desc: DescField): ListRules {
  if (!hasOption(desc, field)) return NO_RULES;
  const { type } = getOption(desc, field);
  if (isIgnored(desc)) return { ...NO_RULES, unruled: true };
  if (type.case === "map") return { ...NO_RULES, unruled: type.value.values?.ignore === Ignore.ALWAYS };
  if (type.case !== "repeated") return NO_RULES;
  const { maxItems, items } = type.value;
  return {
    mostItems: isFieldSet(type.value, RepeatedRulesSchema.field.maxItems) ? Number(maxItems) : NO_RULES.mostItems,
    unruled: items?.ignore === Ignore.ALWAYS,
  };
}

/** True if the rules leave the field, and what stands in its messages, alone. */
function isIgnored(desc: DescField): boolean {
  return hasOption(desc, field) && getOption(desc, field).ignore === Ignore.ALWAYS;
}

/** A rule of the message itself may look at each of its fields. */
function ruledFields(desc: DescMessage): readonly DescField[] {
  if (hasOption(desc, message)) return desc.fields;
  return desc.fields.filter((each) => {
    const { oneof: owner } = each;
    return isRuled(each, new Set()) || (owner !== undefined && hasOption(owner, oneof));
  });
}

/** True if a rule looks at the field, or at what stands in its messages. */
function isRuled(each: DescField, seen: Set<DescMessage>): boolean {
  if (each.presence === FeatureSet_FieldPresence.LEGACY_REQUIRED) return true;
  return !isIgnored(each) && (hasOption(each, field) || holdsRules(each.message, seen));
}

/** True if a rule stands anywhere in the type. */
function holdsRules(desc: DescMessage | undefined, seen: Set<DescMessage>): boolean {
  if (desc === undefined || seen.has(desc)) return false;
  seen.add(desc);
  if (hasOption(desc, message) || desc.oneofs.some((each) => hasOption(each, oneof))) return true;
  return desc.fields.some((each) => isRuled(each, seen));
}
