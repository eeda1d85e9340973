import {
  type DescField,
  type DescMessage,
  getOption,
  hasOption,
  isFieldSet,
  type ScalarType,
} from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";
import {
  type FieldRules as FieldOptions,
  FieldRulesSchema,
  field,
  Ignore,
  message,
  oneof,
} from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { type FieldPlan, type MessagePlan, messagePlan } from "./message-plan.ts";
import { holdsRules, ruledFields } from "./ruled-fields.ts";
import {
  enumRules,
  type Fits,
  isZero,
  type SetFields,
  scalarRules,
  setFields,
  type ValueRules,
  zeroFits,
} from "./value-rules.ts";

/** The rules of a field that can be checked on its bytes. */
export interface FieldRules {
  /** Checks each value of a scalar or an enum; `undefined` if every value is valid. */
  readonly fits: Fits | undefined;
  /** Minimum number of items of a list. */
  readonly leastItems: number;
  /** Maximum number of items of a list or entries of a map; Infinity if there is no such rule. */
  readonly mostItems: number;
  /** The rules of the field's messages or of a map's entries; `undefined` if there are none. */
  readonly message: MessageRules | undefined;
  /** False if protovalidate must check some of the field's own rules. */
  readonly judged: boolean;
}

/** The rules of a message type. Made once for each type. */
export interface MessageRules {
  /** In the order of the {@link MessagePlan}'s fields; `undefined` where there are none. */
  readonly fields: readonly (FieldRules | undefined)[];
  /** The slots of the required fields and oneofs, one bit each. */
  readonly needed: number;
  /** True if the items of a field must be counted. */
  readonly counted: boolean;
  /** False if protovalidate must check some of the message's own rules. */
  readonly judged: boolean;
}

interface Draft {
  fields: (FieldRules | undefined)[];
  needed: number;
  counted: boolean;
  judged: boolean;
}

/** Number of slots that {@link MessageRules.needed} can represent. */
const SLOTS = 31;
const NO_RULES = { fits: undefined, leastItems: 0, mostItems: Number.POSITIVE_INFINITY, message: undefined };

const known = new WeakMap<DescMessage, MessageRules>();

/** The rules of a message type, at every depth; `undefined` if there are none. */
export function messageRules(desc: DescMessage): MessageRules | undefined {
  const found = known.get(desc);
  if (found !== undefined || !holdsRules(desc)) return found;
  const plan = messagePlan(desc);
  const draft: Draft = { fields: [], needed: 0, counted: false, judged: !hasOption(desc, message) };
  // Stored before its fields are read, so that recursive types terminate.
  known.set(desc, draft);
  for (const planned of plan.fields) {
    const each = desc.fields.find(({ number }) => number === planned.number) as DescField;
    draft.fields.push(fieldRules(draft, planned, each));
  }
  for (const each of desc.oneofs.filter((owner) => hasOption(owner, oneof))) {
    const { required, $unknown = [] } = getOption(each, oneof);
    const slot = plan.fields.find(({ number }) => number === each.fields[0]?.number)?.slot ?? SLOTS;
    if ($unknown.length > 0) draft.judged = false;
    else if (required) need(draft, slot);
  }
  return draft;
}

/**
 * The numbers of the fields that protovalidate must check after the rules were checked on the bytes; `undefined` if
 * there are none. Required fields are included, because protovalidate would report them as missing.
 */
export function fieldsLeft(desc: DescMessage, rules: MessageRules | undefined): ReadonlySet<number> | undefined {
  if (rules === undefined || isJudged(rules, new Set())) return undefined;
  if (!rules.judged) return ruledFields(desc);
  const left = messagePlan(desc).fields.filter(({ index, slot }) => {
    const own = rules.fields[index];
    if (slot >= 0 && slot < SLOTS && (rules.needed & (1 << slot)) !== 0) return true;
    return own !== undefined && (own.leastItems > 0 || !own.judged || !isJudged(own.message, new Set()));
  });
  return new Set(left.map(({ number }) => number));
}

function isJudged(rules: MessageRules | undefined, seen: Set<MessageRules>): boolean {
  if (rules === undefined || seen.has(rules)) return true;
  seen.add(rules);
  return rules.judged && rules.fields.every((own) => !own || (own.judged && isJudged(own.message, seen)));
}

function need(draft: Draft, slot: number): void {
  if (slot < SLOTS) draft.needed |= 1 << slot;
  else draft.judged = false;
}

function fieldRules(draft: Draft, { slot }: FieldPlan, desc: DescField): FieldRules | undefined {
  if (desc.presence === FeatureSet_FieldPresence.LEGACY_REQUIRED) need(draft, slot);
  const options = hasOption(desc, field) ? getOption(desc, field) : undefined;
  if (options?.ignore === Ignore.ALWAYS) return undefined;
  const judged = isPlain(options, ["required"]);
  if (desc.fieldKind === "list") return listRules(draft, desc, options, judged);
  if (desc.fieldKind === "map") return mapRules(draft, desc, options, judged);
  const value = valueRules(desc, options);
  const own = { ...NO_RULES, message: value.message, judged: judged && value.judged };
  const isImplicit = desc.presence === FeatureSet_FieldPresence.IMPLICIT;
  // The members of a oneof share a slot, which does not record the member that is set.
  if (options?.required && desc.oneof !== undefined) return { ...own, judged: false };
  if (options?.required) need(draft, slot);
  const fits = isImplicit ? implicitFits(desc.scalar, options, value.fits) : value.fits;
  if (isImplicit && !zeroFits(fits, desc.scalar)) need(draft, slot);
  return { ...own, fits };
}

/** With implicit presence, a zero value counts as absent. */
function implicitFits(scalar: ScalarType | undefined, options: FieldOptions | undefined, fits: Fits | undefined) {
  if (!options?.required && options?.ignore !== Ignore.IF_ZERO_VALUE) return fits;
  const zero = isZero(scalar);
  const { required } = options;
  const each: Fits = (cursor, start, end) =>
    zero(cursor, start, end) ? !required : fits === undefined || fits(cursor, start, end);
  return each;
}

type DescList = DescField & { readonly fieldKind: "list" };
type DescMap = DescField & { readonly fieldKind: "map" };

function listRules(draft: Draft, desc: DescList, options: FieldOptions | undefined, judged: boolean): FieldRules {
  const { items, minItems, maxItems, ...others } = containerRules(options, "repeated");
  const each = itemRules(desc, items as FieldOptions | undefined);
  const required = options?.required ? 1 : 0;
  const own: FieldRules = {
    fits: each.fits,
    message: each.message,
    leastItems: Math.max(required, Number(minItems ?? 0n)),
    mostItems: maxItems === undefined ? Number.POSITIVE_INFINITY : Number(maxItems),
    // A rule may ignore an empty list. Protovalidate checks such rules.
    judged:
      judged && each.judged && isEmpty(others) && !(minItems !== undefined && options?.ignore === Ignore.IF_ZERO_VALUE),
  };
  if (own.leastItems > 0 || own.mostItems !== Number.POSITIVE_INFINITY) draft.counted = true;
  return own;
}

/** Decoders use the last entry of a repeated key. All entries are checked, so the result does not depend on this. */
function mapRules(draft: Draft, desc: DescMap, options: FieldOptions | undefined, judged: boolean): FieldRules {
  const { keys, values, minPairs, maxPairs, ...others } = containerRules(options, "map");
  const key = itemRules({ scalar: desc.mapKey, enum: undefined, message: undefined }, keys as FieldOptions | undefined);
  const value = itemRules(desc, values as FieldOptions | undefined);
  const entry: Draft = { fields: [inEntry(key), inEntry(value)], needed: 0, counted: false, judged: true };
  if (!zeroFits(key.fits, desc.mapKey)) need(entry, 0);
  if (value.message !== undefined || !startsAtZero(desc) || !zeroFits(value.fits, desc.scalar)) need(entry, 1);
  const hasRules = key.fits !== undefined || value.fits !== undefined || value.message !== undefined;
  const mostItems = maxPairs === undefined ? Number.POSITIVE_INFINITY : Number(maxPairs);
  if (mostItems !== Number.POSITIVE_INFINITY) draft.counted = true;
  return {
    ...NO_RULES,
    mostItems,
    message: hasRules ? entry : undefined,
    judged: judged && key.judged && value.judged && minPairs === undefined && !options?.required && isEmpty(others),
  };
}

/** The set fields in the rules of a list or a map; `others` if the rules are of another kind. */
function containerRules(options: FieldOptions | undefined, kind: "repeated" | "map"): SetFields {
  const type = options?.type ?? { case: undefined, value: undefined };
  if (type.value === undefined) return {};
  return (type.case === kind && setFields(kind, type.value)) || { others: true };
}

function isEmpty(others: object): boolean {
  return Object.keys(others).length === 0;
}

function inEntry({ fits, message: within }: ItemRules): FieldRules {
  return { ...NO_RULES, fits, message: within, judged: true };
}

interface ItemRules extends ValueRules {
  readonly message: MessageRules | undefined;
}

/** The type of a value: a field's, a list item's, or that of a map's keys or values. */
type Holder = Pick<DescField, "scalar" | "enum" | "message">;

/** The rules of an item. A rule may ignore a zero item. */
function itemRules(holder: Holder, options: FieldOptions | undefined): ItemRules {
  if (options?.ignore === Ignore.ALWAYS) return { fits: undefined, message: undefined, judged: true };
  const { fits, judged, message: within } = valueRules(holder, options);
  const isOptional = options?.ignore === Ignore.IF_ZERO_VALUE && fits !== undefined;
  if (isOptional && !startsAtZero(holder)) return { fits: undefined, message: within, judged: false };
  const zero = isZero(holder.scalar);
  const each: Fits = (cursor, start, end) => zero(cursor, start, end) || (fits as Fits)(cursor, start, end);
  return { fits: isOptional ? each : fits, message: within, judged: judged && isPlain(options, []) };
}

/** False for an enum whose default value is not 0. */
function startsAtZero({ enum: type }: Holder): boolean {
  return (type?.values[0]?.number ?? 0) === 0;
}

function valueRules(holder: Holder, options: FieldOptions | undefined): ItemRules {
  const type = options?.type ?? { case: undefined };
  if (holder.message !== undefined) {
    return { fits: undefined, message: messageRules(holder.message), judged: type.case === undefined };
  }
  const own = holder.enum === undefined ? scalarRules(holder.scalar as ScalarType, type) : enumRules(holder.enum, type);
  return { ...own, message: undefined };
}

/** True if only the type's rules, `ignore`, and the fields in `others` are set. */
function isPlain(options: FieldOptions | undefined, others: readonly string[]): boolean {
  if (options === undefined) return true;
  const isUnusual = FieldRulesSchema.fields.some(
    (each) =>
      each.oneof === undefined && each.name !== "ignore" && !others.includes(each.name) && isFieldSet(options, each),
  );
  return !isUnusual && (options.$unknown?.length ?? 0) === 0;
}
