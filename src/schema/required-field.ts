import type { DescExtension, DescField } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";
import { rulesOf } from "./field-rules.ts";
import { splitRules } from "./rule-texts.ts";
import { zeroBreaks } from "./scalar-schema.ts";

/** True if a call must have the field. `isRuled`: whether rules are checked. */
export function isRequired(field: DescField | DescExtension, isRuled: boolean): boolean {
  if (field.presence === FeatureSet_FieldPresence.LEGACY_REQUIRED) return true;
  if (!isRuled) return false;
  const { ignore, required, ...rules } = rulesOf(field);
  if (ignore === "IGNORE_ALWAYS") return false;
  if (required === true) return true;
  if (ignore === "IGNORE_IF_ZERO_VALUE") return false;
  const { typed } = splitRules(rules);
  if (field.fieldKind === "list") return Number(typed.minItems ?? 0) > 0;
  if (field.fieldKind === "map") return Number(typed.minPairs ?? 0) > 0;
  return field.presence === FeatureSet_FieldPresence.IMPLICIT && zeroBreaks(field, typed);
}
