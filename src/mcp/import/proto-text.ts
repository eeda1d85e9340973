import type { ProtoField, ProtoMessage, ProtoMethod } from "./proto-model.ts";
import { quoted } from "./schema-rules.ts";

/** A typed contract of a server. */
export interface ProtoContract {
  readonly packageName: string;
  readonly service: string;
  readonly comment: readonly string[];
  readonly methods: readonly ProtoMethod[];
}

const WIDTH = 100;

/** The text of a `.proto` file. */
export function protoText({ packageName, service, comment, methods }: ProtoContract): string {
  const messages = methods.flatMap(({ input, output }) => [input, output]);
  const body = [
    ...comments(comment),
    `service ${service} {`,
    ...indent(methods.flatMap((method, index) => [...(index > 0 ? [""] : []), ...methodText(method)])),
    "}",
    ...messages.flatMap((message) => ["", ...messageText(message)]),
  ].join("\n");
  const imports = [
    ...(body.includes("(buf.validate.") ? ["buf/validate/validate.proto"] : []),
    ...(/\bgoogle\.protobuf\.(?:Struct|Value|ListValue)\b/.test(body) ? ["google/protobuf/struct.proto"] : []),
    "sealwire/v1/options.proto",
  ];
  const head = ['syntax = "proto3";', "", `package ${packageName};`, "", ...imports.map((path) => `import "${path}";`)];
  return `${[...head, "", body].join("\n")}\n`;
}

function methodText({ name, tool, title, comment, input, output }: ProtoMethod): string[] {
  const options = [`name: ${quoted(tool)}`, ...(title === "" ? [] : [`title: ${quoted(title)}`])];
  return [
    ...comments(comment),
    `rpc ${name}(${input.name}) returns (${output.name}) {`,
    "  option (sealwire.v1.tool) = {",
    ...options.map((option) => `    ${option}`),
    "  };",
    "}",
  ];
}

function messageText({ name, comment, fields, messages }: ProtoMessage): string[] {
  const lines = [
    ...messages.flatMap((message) => [...messageText(message), ""]),
    ...fields.flatMap((field, index) => [...comments(field.comment), fieldText(field, index + 1)]),
  ];
  const head = [...comments(comment.length > 0 ? comment : [`${name} is made from a JSON Schema.`])];
  return lines.length === 0 ? [...head, `message ${name} {}`] : [...head, `message ${name} {`, ...indent(lines), "}"];
}

function fieldText({ name, type, jsonName, rules }: ProtoField, number: number): string {
  const options = [
    ...(jsonName === undefined ? [] : [`json_name = ${quoted(jsonName)}`]),
    ...[...rules].flatMap(([rule, values]) => values.map((value) => `(buf.validate.field).${rule} = ${value}`)),
  ];
  const head = `${type} ${name} = ${number}`;
  if (options.length === 0) return `${head};`;
  if (options.length === 1 && head.length + (options[0]?.length ?? 0) < WIDTH) return `${head} [${options[0]}];`;
  return [`${head} [`, ...options.map((option, at) => `  ${option}${at < options.length - 1 ? "," : ""}`), "];"].join(
    "\n",
  );
}

function comments(lines: readonly string[]): string[] {
  return lines.flatMap((line) => wrapped(line)).map((line) => (line === "" ? "//" : `// ${line}`));
}

/** Breaks a line at spaces. Control characters, which could end a comment, become spaces. */
function wrapped(line: string): string[] {
  const lines = [""];
  for (const word of line
    .toWellFormed()
    .replaceAll(/[\p{Cc}\u2028\u2029]/gu, " ")
    .trim()
    .split(/ +/)) {
    const last = lines.at(-1) ?? "";
    if (last === "") lines[lines.length - 1] = word;
    else if (last.length + word.length < WIDTH - 8) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

function indent(lines: readonly string[]): string[] {
  return lines.flatMap((line) => line.split("\n")).map((line) => (line === "" ? "" : `  ${line}`));
}
