import { type DescEnum, type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";
import { FIXED32, FIXED64, LENGTH_DELIMITED, VARINT } from "../wire/wire-cursor.ts";

/** The field type of enums, as in FieldDescriptorProto.Type. */
export const ENUM = 14;
/** The field type of messages, as in FieldDescriptorProto.Type. */
export const MESSAGE = 11;

/** The wire format of one field. */
export interface FieldPlan {
  readonly name: string;
  readonly number: number;
  /** Index of the field in {@link MessagePlan.fields}. */
  readonly index: number;
  /** Type of one value: a {@link ScalarType}, {@link ENUM} or {@link MESSAGE}. */
  readonly type: number;
  /** Wire type of one value. */
  readonly wireType: number;
  /** The slot of the field in its message. Each singular field and each oneof has one slot; a list or map has -1. */
  readonly slot: number;
  /** True if lists of this type may be packed on the wire, regardless of the contract. */
  readonly packable: boolean;
  /** True if the contract declares the list packed. */
  readonly packed: boolean;
  /** True for implicit presence: a default value is not written. */
  readonly implicit: boolean;
  /** The valid numbers of a closed enum. */
  readonly closed: ReadonlySet<number> | undefined;
  /** True for the number of a google.protobuf.Value. JSON can represent finite numbers only. */
  readonly isJsonNumber: boolean;
  /** The plan of a message field's type, or of a map's entries. */
  readonly message: MessagePlan | undefined;
  readonly isMap: boolean;
}

/** The wire format of a message. Made once for each type. */
export interface MessagePlan {
  readonly typeName: string;
  /** Ascending by number. */
  readonly fields: readonly FieldPlan[];
  readonly byNumber: ReadonlyMap<number, FieldPlan>;
  /** The fields with small numbers, by number. Access is faster than with the map. */
  readonly byLowNumber: readonly (FieldPlan | undefined)[];
}

interface Draft {
  typeName: string;
  fields: FieldPlan[];
  byNumber: Map<number, FieldPlan>;
  byLowNumber: (FieldPlan | undefined)[];
}

const LOW_NUMBERS = 64;

const plans = new WeakMap<DescMessage, MessagePlan>();

/** The plan of a message type. */
export function messagePlan(desc: DescMessage): MessagePlan {
  const known = plans.get(desc);
  if (known !== undefined) return known;
  const draft = newDraft(desc.typeName);
  // Stored before its fields are planned, so that recursive types terminate.
  plans.set(desc, draft);
  const slots = new Map<object, number>();
  for (const field of desc.fields.toSorted((a, b) => a.number - b.number)) fill(draft, planField(field, slots));
  return draft;
}

function newDraft(typeName: string): Draft {
  return { typeName, fields: [], byNumber: new Map(), byLowNumber: new Array(LOW_NUMBERS).fill(undefined) };
}

function fill(draft: Draft, planned: Omit<FieldPlan, "index">): void {
  const field = { ...planned, index: draft.fields.length };
  draft.fields.push(field);
  draft.byNumber.set(field.number, field);
  if (field.number < LOW_NUMBERS) draft.byLowNumber[field.number] = field;
}

function planField(field: DescField, slots: Map<object, number>): Omit<FieldPlan, "index"> {
  const { name, number } = field;
  const isJsonNumber = field.parent.typeName === JSON_VALUE && field.scalar === ScalarType.DOUBLE;
  const shape = { packable: false, packed: false, implicit: false, isMap: false, isJsonNumber };
  const base = { name, number, slot: -1, ...shape };
  if (field.fieldKind === "map") {
    const message = planEntry(field);
    return { ...base, type: MESSAGE, wireType: LENGTH_DELIMITED, closed: undefined, message, isMap: true };
  }
  const value = planValue(field.scalar, field.enum, field.message);
  if (field.fieldKind === "list") {
    return { ...base, ...value, packable: value.wireType !== LENGTH_DELIMITED, packed: field.packed };
  }
  const owner = field.oneof ?? field;
  const slot = slots.get(owner) ?? slots.size;
  slots.set(owner, slot);
  return { ...base, ...value, slot, implicit: field.presence === FeatureSet_FieldPresence.IMPLICIT };
}

const JSON_VALUE = "google.protobuf.Value";

/** The entries of a map are messages with the key as field 1 and the value as field 2, both always written. */
function planEntry(field: DescField & { fieldKind: "map" }): MessagePlan {
  const draft = newDraft(`${field.parent.typeName}.${field.name} entry`);
  const base = { packable: false, packed: false, implicit: false, isMap: false, isJsonNumber: false };
  fill(draft, { ...base, name: "key", number: 1, slot: 0, ...planValue(field.mapKey, undefined, undefined) });
  fill(draft, { ...base, name: "value", number: 2, slot: 1, ...planValue(field.scalar, field.enum, field.message) });
  return draft;
}

function planValue(scalar: ScalarType | undefined, en: DescEnum | undefined, message: DescMessage | undefined) {
  if (message !== undefined) {
    return { type: MESSAGE, wireType: LENGTH_DELIMITED, closed: undefined, message: messagePlan(message) };
  }
  if (en !== undefined) {
    const closed = en.open ? undefined : new Set(en.values.map((value) => value.number));
    return { type: ENUM, wireType: VARINT, closed, message: undefined };
  }
  const type = scalar as ScalarType;
  return { type, wireType: scalarWireType(type), closed: undefined, message: undefined };
}

function scalarWireType(type: ScalarType): number {
  switch (type) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return LENGTH_DELIMITED;
    case ScalarType.DOUBLE:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return FIXED64;
    case ScalarType.FLOAT:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return FIXED32;
    default:
      return VARINT;
  }
}
