import type { JsonValue } from "@bufbuild/protobuf";
import { Ajv, type ValidateFunction } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import type { JsonSchema } from "../../src/schema/json-schema.ts";

const FORMATS = ["email", "hostname", "ipv4", "ipv6", "uri", "uri-reference", "uuid"];

/** Without the calendar, which the patterns of schemas leave to the parser. */
const DATE_TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/;

function prepared(ajv: Ajv): Ajv {
  for (const format of FORMATS) ajv.addFormat(format, true);
  return ajv.addFormat("date-time", DATE_TIME);
}

/* Strict: an unknown keyword or format, or a union of types, is an error of the schema. */
const OPTIONS = { strict: true, strictTypes: false, allowUnionTypes: false, strictRequired: false } as const;
const current = prepared(new Ajv2020(OPTIONS));
const draft7 = prepared(new Ajv(OPTIONS));
const compiled = new Map<string, ValidateFunction>();

/** Compiles a schema by draft 7, which older hosts use. Throws for a schema that is none. */
export function compileAsDraft7(schema: JsonSchema): void {
  draft7.compile(schema);
}

/** Compiles a schema by draft 2020-12. Throws for a schema that is none. */
export function compile(schema: JsonSchema): ValidateFunction {
  const text = JSON.stringify(schema);
  let validate = compiled.get(text);
  if (validate === undefined) {
    validate = current.compile(schema);
    compiled.set(text, validate);
  }
  return validate;
}

/** What a schema says against a value; empty if it accepts it. */
export function problemsOf(schema: JsonSchema, value: JsonValue): string {
  const validate = compile(schema);
  return validate(value) ? "" : JSON.stringify(validate.errors);
}
