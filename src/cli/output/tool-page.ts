import type { DescMethod } from "@bufbuild/protobuf";
import type { Duration } from "../../../gen/google/protobuf/duration.ts";
import type { ToolDescription } from "../../../gen/sealwire/system/v1/list_tools.ts";
import type { JobPolicy } from "../../../gen/sealwire/v1/options.ts";
import { shellQuote } from "../../files/shell-quote.ts";
import { destructiveHint, openWorldHint } from "../../tools/definition.ts";
import type { Image } from "../../wire/descriptors.ts";
import { toDurationMs } from "../../wire/duration.ts";
import { type ConnectionOptions, sameServerOptions } from "../input/connection-options.ts";
import { formatDuration } from "../input/duration.ts";
import { exampleArguments } from "./example-arguments.ts";
import { plainText } from "./plain-text.ts";
import type { Terminal } from "./terminal.ts";
import { padDisplay, wrapText } from "./text-layout.ts";
import { describeTypes, type FieldText, type TypeText } from "./tool-fields.ts";

/** Input of {@link printToolPage}. */
export interface ToolPage {
  readonly tool: ToolDescription;
  readonly image: Image;
  readonly method: DescMethod;
  /** The options that selected the server, for the example. */
  readonly server: ConnectionOptions;
}

/** The commands that call system tools. `sealwire call` is not suitable for these tools, or they need a job id. */
const OWN_COMMANDS: Readonly<Record<string, readonly string[]>> = {
  cancel_job: ["jobs", "cancel", "JOB_ID"],
  list_jobs: ["jobs", "list"],
  list_tools: ["tools"],
  poll_job: ["jobs", "get", "JOB_ID"],
  watch_job: ["jobs", "watch", "JOB_ID"],
  watch_jobs: ["jobs", "watch", "--all"],
};

/** Prints the description of a tool: kind, job policy, fields with rules and comments, and an example. */
export function printToolPage(terminal: Terminal, { tool, image, method, server }: ToolPage): void {
  const page = new Page(terminal);
  page.heading(tool.options?.title ? `${tool.name}: ${tool.options.title}` : tool.name);
  page.text(tool.description);
  page.heading("Kind");
  page.rows(kindOf(tool));
  if (tool.job !== undefined) {
    page.heading("Job policy");
    page.rows(policyOf(tool.job));
  }
  const types = describeTypes(image, method.input);
  page.types("Arguments", types);
  const told = new Set(types.slice(1).map(({ typeName }) => typeName));
  page.types(
    "Result",
    describeTypes(image, method.output).filter(({ typeName }) => !told.has(typeName)),
  );
  const { words, valid } = exampleOf(tool, { image, method });
  page.heading(valid ? "Example" : "Example, to be completed with valid values");
  terminal.print(`  ${["sealwire", ...words, ...sameServerOptions(server)].map(shellQuote).join(" ")}`);
}

class Page {
  readonly #terminal: Terminal;
  #empty = true;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  heading(title: string): void {
    if (!this.#empty) this.#terminal.print("");
    this.#empty = false;
    this.#terminal.print(this.#terminal.dataColors.bold(plainText(title)));
  }

  /** Prints indented paragraphs. */
  text(paragraphs: string, indent = 0): void {
    for (const paragraph of paragraphs.split("\n").filter((each) => each !== "")) {
      for (const line of this.#wrapped(paragraph, indent)) this.#terminal.print(`${" ".repeat(indent)}${line}`);
    }
  }

  /** Prints names with their descriptions. */
  rows(rows: readonly (readonly [name: string, text: string])[]): void {
    const width = Math.max(...rows.map(([name]) => name.length));
    for (const [name, text] of rows) {
      const [first = "", ...more] = this.#wrapped(text, width + 4);
      this.#terminal.print(`  ${padDisplay(name, width)}  ${first}`.trimEnd());
      for (const line of more) this.#terminal.print(`${" ".repeat(width + 4)}${line}`);
    }
  }

  /** Prints a message and, under separate headings, the types that it uses. */
  types(title: string, [root, ...below]: readonly TypeText[]): void {
    if (root === undefined) return;
    this.heading(`${title}: ${root.typeName}`);
    this.#fields(root);
    for (const type of below) {
      this.heading(`  ${type.typeName}`);
      this.#fields(type);
    }
  }

  #fields({ fields, comment }: TypeText): void {
    this.text(comment, 2);
    if (fields.length === 0) this.text("no fields", 2);
    for (const field of fields) {
      const { bold } = this.#terminal.dataColors;
      const lines = this.#wrapped(headOf(field), 6);
      for (const [index, line] of lines.entries()) {
        const text = index === 0 ? `${bold(plainText(field.name))}${line.slice(plainText(field.name).length)}` : line;
        this.#terminal.print(`${" ".repeat(index === 0 ? 2 : 6)}${text}`);
      }
      this.text(field.comment, 4);
    }
  }

  #wrapped(text: string, indent: number): string[] {
    return wrapText(plainText(text), (this.#terminal.dataColumns ?? Number.POSITIVE_INFINITY) - indent);
  }
}

function headOf({ name, type, rules }: FieldText): string {
  const what = [type, ...rules].filter((part) => part !== "").join("; ");
  return what === "" ? name : `${name}  ${what}`;
}

function kindOf({ job, readOnly, idempotent, options, method, digest }: ToolDescription): [string, string][] {
  const effect = readOnly
    ? "changes nothing"
    : idempotent
      ? "repeating a call has no further effect"
      : "each intent is executed once: repeat it with its --request-id";
  const hints = [
    ...(destructiveHint(options) ? ["may delete or overwrite data"] : []),
    ...(openWorldHint(options) ? [OUTSIDE] : []),
  ];
  return [
    ["runs", job === undefined ? "at once, within the call" : "as a job: accepted at once, then polled or watched"],
    ["effect", [effect, ...hints].join("; ")],
    ["method", method],
    ["digest", digest],
  ];
}

const OUTSIDE = "interacts with systems outside its server";

function policyOf(policy: JobPolicy): [string, string][] {
  const span = (duration: Duration | undefined) =>
    duration === undefined ? "-" : formatDuration(toDurationMs(duration));
  return [
    ["execution timeout", `${span(policy.executionTimeout)}, for one attempt`],
    ["queue timeout", `${span(policy.queueTimeout)}, to the first attempt`],
    [
      "heartbeat timeout",
      policy.heartbeatTimeout === undefined ? "none" : `${span(policy.heartbeatTimeout)}, without progress`,
    ],
    ["attempts", `${policy.maxAttempts}, ${span(policy.initialBackoff)} to ${span(policy.maxBackoff)} apart`],
    ["retention", `${span(policy.retention)}, after its end`],
    ["cancel grace", span(policy.cancelGrace)],
    ["priority", String(policy.priority)],
  ];
}

function exampleOf(
  { name }: ToolDescription,
  { image, method }: { readonly image: Image; readonly method: DescMethod },
): { readonly words: readonly string[]; readonly valid: boolean } {
  const own = OWN_COMMANDS[name];
  if (own !== undefined) return { words: own, valid: true };
  const { json, valid } = exampleArguments(image, method.input);
  const args = Object.keys(json).length === 0 ? [] : [JSON.stringify(json)];
  return { words: ["call", name, ...args], valid };
}
