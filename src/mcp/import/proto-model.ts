import type { Rules } from "./schema-rules.ts";

/** A message, made from a JSON Schema. */
export interface ProtoMessage {
  readonly name: string;
  readonly comment: readonly string[];
  readonly fields: readonly ProtoField[];
  readonly messages: readonly ProtoMessage[];
}

/** A field of a message. */
export interface ProtoField {
  readonly name: string;
  /** The name of the property, if it is not the default JSON name of the field. */
  readonly jsonName: string | undefined;
  /** With its label, for example "optional string". */
  readonly type: string;
  readonly rules: Rules;
  readonly comment: readonly string[];
}

/** A tool of a typed contract. */
export interface ProtoMethod {
  readonly name: string;
  /** The name of the tool. */
  readonly tool: string;
  readonly title: string;
  readonly comment: readonly string[];
  readonly input: ProtoMessage;
  readonly output: ProtoMessage;
}
