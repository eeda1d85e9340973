import { type DescField, type DescMessage, hasOption } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";
import { field, message, oneof } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { WireCursor } from "../wire/wire-cursor.ts";

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

/** A rule of the message itself may look at each of its fields. */
function ruledFields(desc: DescMessage): readonly DescField[] {
  if (hasOption(desc, message)) return desc.fields;
  return desc.fields.filter((each) => {
    const { oneof: owner } = each;
    return isRuled(each) || (owner !== undefined && hasOption(owner, oneof)) || holdsRules(each.message, new Set());
  });
}

function isRuled(each: DescField): boolean {
  return hasOption(each, field) || each.presence === FeatureSet_FieldPresence.LEGACY_REQUIRED;
}

/** True if a rule stands anywhere in the type. */
function holdsRules(desc: DescMessage | undefined, seen: Set<DescMessage>): boolean {
  if (desc === undefined || seen.has(desc)) return false;
  seen.add(desc);
  if (hasOption(desc, message) || desc.oneofs.some((each) => hasOption(each, oneof))) return true;
  return desc.fields.some((each) => isRuled(each) || holdsRules(each.message, seen));
}
