import { type DescField, type DescMessage, getOption, hasOption } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";
import { field, Ignore, message, oneof } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { WireCursor } from "../wire/wire-cursor.ts";

const ruled = new WeakMap<DescMessage, ReadonlySet<number>>();

/** The serialized message without the fields that are not in `numbers`. The bytes must have passed the strict parse. */
export function onlyFields(bytes: Uint8Array, numbers: ReadonlySet<number>): Uint8Array {
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

/** The numbers of the fields of a message that the contract's rules depend on. */
export function ruledFields(desc: DescMessage): ReadonlySet<number> {
  let numbers = ruled.get(desc);
  if (numbers === undefined) {
    numbers = new Set(findRuled(desc).map(({ number }) => number));
    ruled.set(desc, numbers);
  }
  return numbers;
}

/** True if the rules of the field and of its messages are ignored. */
function isIgnored(desc: DescField): boolean {
  return hasOption(desc, field) && getOption(desc, field).ignore === Ignore.ALWAYS;
}

/** A rule of the message itself may depend on every field. */
function findRuled(desc: DescMessage): readonly DescField[] {
  if (hasOption(desc, message)) return desc.fields;
  return desc.fields.filter((each) => {
    const { oneof: owner } = each;
    return isRuled(each, new Set()) || (owner !== undefined && hasOption(owner, oneof));
  });
}

/** True if a rule depends on the field or on the content of its messages. */
function isRuled(each: DescField, seen: Set<DescMessage>): boolean {
  if (each.presence === FeatureSet_FieldPresence.LEGACY_REQUIRED) return true;
  return !isIgnored(each) && (hasOption(each, field) || holdsRules(each.message, seen));
}

/** True if the type has a rule at any depth. */
export function holdsRules(desc: DescMessage | undefined, seen: Set<DescMessage> = new Set()): boolean {
  if (desc === undefined || seen.has(desc)) return false;
  seen.add(desc);
  if (hasOption(desc, message) || desc.oneofs.some((each) => hasOption(each, oneof))) return true;
  return desc.fields.some((each) => isRuled(each, seen));
}
