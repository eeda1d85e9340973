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

/** The rules of a field, as far as they can be judged from its bytes. */
export interface FieldRules {
  /** Judges each value of a scalar or an enum; `undefined` if any will do. */
  readonly fits: Fits | undefined;
  /** Fewest items of a list. */
  readonly leastItems: number;
  /** Most items of a list, or entries of a map; Infinity if there is no such rule. */
  readonly mostItems: number;
  /** The rules in each of its messages, or in each entry of a map; `undefined` if there are none. */
  readonly message: MessageRules | undefined;
  /** False if some of the field's own rules are left to protovalidate. */
  readonly judged: boolean;
}

/** The rules that stand in a message; made once for each type. */
export interface MessageRules {
  /** In the order of the {@link MessagePlan}'s fields; `undefined` where there are none. */
  readonly fields: readonly (FieldRules | undefined)[];
  /** The slots of the plan that must be filled, one bit each. */
  readonly needed: number;
  /** True if a field's items are to be counted. */
  readonly counted: boolean;
  /** False if some of the message's own rules are left to protovalidate. */
  readonly judged: boolean;
}

interface Draft {
  fields: (FieldRules | undefined)[];
  needed: number;
  counted: boolean;
  judged: boolean;
}

/** Slots whose bits {@link MessageRules.needed} has. */
const SLOTS = 31;
const NO_RULES = { fits: undefined, leastItems: 0, mostItems: Number.POSITIVE_INFINITY, message: undefined };

const known = new WeakMap<DescMessage, MessageRules>();

/** The rules of a message type, at every depth; `undefined` if there are none. */
export function messageRules(desc: DescMessage): MessageRules | undefined {
  const found = known.get(desc);
  if (found !== undefined || !holdsRules(desc)) return found;
  const plan = messagePlan(desc);
  const draft: Draft = { fields: [], needed: 0, counted: false, judged: !hasOption(desc, message) };
  // Before its fields, so that types that hold themselves end here.
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
 * The numbers of the fields that protovalidate is still to look at, once the message has been judged by its rules;
 * `undefined` if nothing is left. Those that must be there are among them, or it would miss them.
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
  // Which member is set does not show in a slot that they share.
  if (options?.required && desc.oneof !== undefined) return { ...own, judged: false };
  if (options?.required) need(draft, slot);
  const fits = isImplicit ? implicitFits(desc.scalar, options, value.fits) : value.fits;
  if (isImplicit && !zeroFits(fits, desc.scalar)) need(draft, slot);
  return { ...own, fits };
}

/** A value of implicit presence is not there if it is zero. */
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
    // An empty list may be left alone; whoever has such a rule has it checked by protovalidate.
    judged:
      judged && each.judged && isEmpty(others) && !(minItems !== undefined && options?.ignore === Ignore.IF_ZERO_VALUE),
  };
  if (own.leastItems > 0 || own.mostItems !== Number.POSITIVE_INFINITY) draft.counted = true;
  return own;
}

/** Of entries with one key, the last one counts; here all are judged, so that what passes does so whichever counts. */
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

/** What is set in the rules of a list or a map; `others` if they are not the rules of one. */
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

/** What holds values: a field, the items of a list, the keys or the values of a map. */
type Holder = Pick<DescField, "scalar" | "enum" | "message">;

/** The rules of an item, which a rule may leave alone if it is zero. */
function itemRules(holder: Holder, options: FieldOptions | undefined): ItemRules {
  if (options?.ignore === Ignore.ALWAYS) return { fits: undefined, message: undefined, judged: true };
  const { fits, judged, message: within } = valueRules(holder, options);
  const isOptional = options?.ignore === Ignore.IF_ZERO_VALUE && fits !== undefined;
  if (isOptional && !startsAtZero(holder)) return { fits: undefined, message: within, judged: false };
  const zero = isZero(holder.scalar);
  const each: Fits = (cursor, start, end) => zero(cursor, start, end) || (fits as Fits)(cursor, start, end);
  return { fits: isOptional ? each : fits, message: within, judged: judged && isPlain(options, []) };
}

/** False for an enum whose default is another number. */
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

/** True if nothing is set but the rules of the type, `ignore`, and the fields that `others` names. */
function isPlain(options: FieldOptions | undefined, others: readonly string[]): boolean {
  if (options === undefined) return true;
  const isUnusual = FieldRulesSchema.fields.some(
    (each) =>
      each.oneof === undefined && each.name !== "ignore" && !others.includes(each.name) && isFieldSet(options, each),
  );
  return !isUnusual && (options.$unknown?.length ?? 0) === 0;
}
