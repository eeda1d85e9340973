/** The part of JSON Schema that `schema.json` uses. Any other keyword is an error, lest it be believed to be checked. */
export interface JsonSchema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: boolean;
  readonly items?: JsonSchema;
  readonly minItems?: number;
  readonly oneOf?: readonly JsonSchema[];
  readonly $defs?: Readonly<Record<string, JsonSchema>>;
}

const KEYWORDS = new Set([
  ...["$schema", "$id", "$comment", "$defs", "$ref", "title", "description", "type", "const", "enum", "pattern"],
  ...["minimum", "required", "properties", "additionalProperties", "items", "minItems", "oneOf"],
]);

/** Lists where `value` departs from `schema`; empty if nowhere. */
export function schemaProblems(root: JsonSchema, value: unknown, schema = root, path = "$"): string[] {
  for (const keyword of Object.keys(schema)) {
    if (!KEYWORDS.has(keyword)) throw new Error(`the schema uses ${keyword}, which is not checked here`);
  }
  if (schema.$ref !== undefined) return schemaProblems(root, value, definition(root, schema.$ref), path);
  return [
    ...scalarProblems(schema, value).map((problem) => `${path}: ${problem}`),
    ...objectProblems(root, value, schema, path),
    ...arrayProblems(root, value, schema, path),
    ...choiceProblems(root, value, schema, path),
  ];
}

function definition(root: JsonSchema, ref: string): JsonSchema {
  const found = root.$defs?.[ref.replace("#/$defs/", "")];
  if (found === undefined) throw new Error(`the schema has no ${ref}`);
  return found;
}

function typeName(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return Number.isInteger(value) ? "integer" : typeof value;
}

function scalarProblems(schema: JsonSchema, value: unknown): string[] {
  const problems: string[] = [];
  const types = schema.type === undefined ? undefined : [schema.type].flat();
  if (types && !types.includes(typeName(value))) problems.push(`is ${typeName(value)}, not ${types.join(" or ")}`);
  if (schema.const !== undefined && value !== schema.const) problems.push(`is not ${schema.const}`);
  if (schema.enum && !schema.enum.includes(value)) problems.push(`is none of ${schema.enum.join(", ")}`);
  if (schema.pattern && typeof value === "string" && !new RegExp(schema.pattern, "u").test(value)) {
    problems.push(`does not match ${schema.pattern}`);
  }
  if (schema.minimum !== undefined && typeof value === "number" && value < schema.minimum)
    problems.push("is too small");
  return problems;
}

function objectProblems(root: JsonSchema, value: unknown, schema: JsonSchema, path: string): string[] {
  if (typeName(value) !== "object") return [];
  const members = value as Record<string, unknown>;
  const missing = (schema.required ?? []).filter((name) => !Object.hasOwn(members, name));
  const problems = missing.map((name) => `${path}: lacks ${name}`);
  for (const [name, member] of Object.entries(members)) {
    const own = schema.properties?.[name];
    if (own) problems.push(...schemaProblems(root, member, own, `${path}.${name}`));
    else if (schema.additionalProperties === false) problems.push(`${path}: has ${name}`);
  }
  return problems;
}

function arrayProblems(root: JsonSchema, value: unknown, schema: JsonSchema, path: string): string[] {
  if (!Array.isArray(value)) return [];
  const { items, minItems = 0 } = schema;
  const problems = value.length < minItems ? [`${path}: has fewer than ${minItems} items`] : [];
  for (const [index, item] of items ? value.entries() : []) {
    problems.push(...schemaProblems(root, item, items, `${path}[${index}]`));
  }
  return problems;
}

function choiceProblems(root: JsonSchema, value: unknown, schema: JsonSchema, path: string): string[] {
  if (!schema.oneOf) return [];
  const tried = schema.oneOf.map((choice) => schemaProblems(root, value, choice, path));
  if (tried.filter((problems) => problems.length === 0).length === 1) return [];
  return tried.reduce((fewest, problems) => (problems.length < fewest.length ? problems : fewest));
}
