import { type DescMessage, getOption, hasOption } from "@bufbuild/protobuf";
import { message, oneof } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";

/** What JSON Schema cannot say of a message without a combinator: its oneofs, and, if checked, rules over several fields. */
export function messageNotes(desc: DescMessage, isRuled: boolean): string[] {
  const notes = desc.oneofs.map((group) => {
    const isRequired = isRuled && hasOption(group, oneof) && getOption(group, oneof).required === true;
    return atMostOne(
      group.fields.map(({ name }) => name),
      isRequired,
    );
  });
  if (!isRuled || !hasOption(desc, message)) return notes;
  const rules = getOption(desc, message);
  for (const { fields, required } of rules.oneof) notes.push(atMostOne(fields, required));
  for (const { message: text, expression, id } of rules.cel) notes.push(sentence(text || expression || id));
  for (const expression of rules.celExpression) notes.push(sentence(expression));
  return notes;
}

/** Ends a text with a full stop. */
export function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

function atMostOne(names: readonly string[], isRequired: boolean): string {
  return `Set ${isRequired ? "exactly" : "at most"} one of: ${names.join(", ")}.`;
}
