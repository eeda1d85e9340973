import type { JsonValue } from "@bufbuild/protobuf";
import { CALL_METHOD, MAX_ELEMENTS, TYPE_URL_PREFIX, WATCH_JOB_METHOD } from "../../src/wire/limits.ts";
import { hex } from "../validation/sample-image.ts";
import { type ByteRuns, fromRuns } from "./byte-runs.ts";
import { entry, field, textValue } from "./request-case.ts";
import { messageJson, toHex } from "./vector-file.ts";

/** A call whose request was found in order: what the server says of tool, RPC and arguments. Bytes are hex. */
export interface ArgumentCase {
  readonly id: number;
  readonly comment: string;
  readonly flag: string;
  readonly method: string;
  readonly tool: string;
  readonly args: { readonly typeUrl: string; readonly value: string | ByteRuns };
  /** ProtoJSON of the arguments; null where JSON cannot hold them, or where they are long. */
  readonly json: JsonValue;
  readonly result: "valid" | "ARGS_INVALID" | "TOOL_FORBIDDEN" | "TOOL_RPC_MISMATCH";
  /** Of flag Rule, in the order in which they are found; how other faults are worded is up to the server. */
  readonly violations: readonly { readonly field: string; readonly ruleId: string }[];
}

/** The file `arguments.json`. */
export interface ArgumentVectors {
  readonly kind: "arguments";
  readonly protocol: string;
  /** What the key may call beside the system tools. */
  readonly tools: readonly string[];
  readonly cases: readonly ArgumentCase[];
}

const REQUESTS = {
  batch_sum: "sealwire.demo.v1.BatchSumRequest",
  start_long_task: "sealwire.demo.v1.StartLongTaskRequest",
  list_jobs: "sealwire.system.v1.ListJobsRequest",
  poll_job: "sealwire.system.v1.PollJobRequest",
  watch_job: "sealwire.system.v1.WatchJobRequest",
} as const;
type Tool = keyof typeof REQUESTS;

interface Spec {
  readonly comment: string;
  readonly tool: Tool | "no_such_tool";
  /** Hex, spaces allowed, or runs. */
  readonly value: string | ByteRuns;
  /** Default: the type URL of the tool's request. */
  readonly typeUrl?: string;
  readonly method?: string;
  /** Field and rule of each violation. */
  readonly broken?: Readonly<Record<string, string>>;
}

function caseOf(flag: string, result: ArgumentCase["result"], spec: Spec): Omit<ArgumentCase, "id"> {
  const type = spec.tool === "no_such_tool" ? REQUESTS.batch_sum : REQUESTS[spec.tool];
  const { value: given } = spec;
  const value = typeof given === "string" ? hex(given) : fromRuns(given);
  return {
    comment: spec.comment,
    flag,
    method: spec.method ?? (spec.tool === "watch_job" ? WATCH_JOB_METHOD : CALL_METHOD),
    tool: spec.tool,
    args: {
      typeUrl: spec.typeUrl ?? TYPE_URL_PREFIX + type,
      value: typeof given === "string" ? toHex(value) : given,
    },
    json: typeof given === "string" ? messageJson(value, type) : null,
    result,
    violations: Object.entries(spec.broken ?? {}).map(([path, ruleId]) => ({ field: path, ruleId })),
  };
}

/** `arguments.json`, made anew. What is expected is written by hand below, not computed. */
export function argumentVectors(): ArgumentVectors {
  const cases = [
    ...VALID.map((spec) => caseOf("Valid", "valid", spec)),
    ...RULES.map((spec) => caseOf("Rule", "ARGS_INVALID", spec)),
    ...STRICT.map((spec) => caseOf("Strict", "ARGS_INVALID", spec)),
    ...TYPES.map((spec) => caseOf("Type", "ARGS_INVALID", spec)),
    ...TOOLS.map((spec) => caseOf("Tool", "TOOL_FORBIDDEN", spec)),
    ...RPCS.map((spec) => caseOf("Rpc", "TOOL_RPC_MISMATCH", spec)),
    ...VALID_BOUNDS.map((spec) => caseOf("Valid", "valid", spec)),
    ...BEYOND_BOUNDS.map((spec) => caseOf("Strict", "ARGS_INVALID", spec)),
  ];
  return {
    kind: "arguments",
    protocol: "mcp/0.1",
    tools: ["batch_sum", "start_long_task"],
    cases: cases.map((each, index) => ({ id: index + 1, ...each })),
  };
}

const ONE = "000000000000f03f";
const NAN = "000000000000f87f";
const INFINITE = "000000000000f07f";
const MINUS_INFINITE = "000000000000f0ff";
const text = (number: number, value: string) => toHex(field(number, Buffer.from(value)));

/** A Struct in a Struct in a Struct, so many deep. */
function nested(depth: number): string {
  let value = "";
  for (let level = 1; level < depth; level++) value = toHex(entry("", toHex(field(5, hex(value)))));
  return `0801${toHex(field(2, hex(value)))}`;
}

/** A payload that holds one number, given as the eight bytes of a double, in a list in a list. */
function listedNumber(double: string): string {
  const list = (value: Uint8Array) => field(6, field(1, value));
  return `0801${toHex(field(2, entry("a", toHex(list(list(Buffer.from(`11${double}`, "hex")))))))}`;
}

/** How many elements {@link emptyValues} has beside the values: the arguments, payload, entry, value and list. */
const AROUND_VALUES = 5;

/** A payload with so many elements: a list of values that are not set, two bytes each. */
function emptyValues(elements: number): ByteRuns {
  const times = elements - AROUND_VALUES;
  const list = Buffer.alloc(2 * times, "0a00", "hex");
  const whole = field(2, entry("a", toHex(field(6, list))));
  return [`0801${toHex(whole.subarray(0, whole.length - list.length))}`, { byte: "0a00", times }];
}

const VALID: readonly Spec[] = [
  { comment: "numbers", tool: "batch_sum", value: `0a10 ${ONE} ${ONE}` },
  { comment: "numbers, not packed", tool: "batch_sum", value: `09${ONE} 09${ONE}` },
  { comment: "-0", tool: "batch_sum", value: "0a08 0000000000000080" },
  { comment: "the least seconds, no payload", tool: "start_long_task", value: "0801" },
  { comment: "the most seconds, an empty payload", tool: "start_long_task", value: "0814 1200" },
  { comment: "fields in descending order", tool: "start_long_task", value: "1200 0801" },
  { comment: "a payload 16 deep", tool: "start_long_task", value: nested(16) },
  {
    comment: "a payload with text in NFD, astral planes and NUL",
    tool: "start_long_task",
    value: `0801${toHex(field(2, entry("e\u0301", textValue("\u{1f600}\0"))))}`,
  },
  { comment: "no fields at all", tool: "list_jobs", value: "" },
  { comment: "a default that is written", tool: "list_jobs", value: "1800" },
  { comment: "the largest page, two states", tool: "list_jobs", value: "0a020102 18f403" },
  { comment: "a text of 128 characters, 512 bytes", tool: "list_jobs", value: text(2, "\u{1f600}".repeat(128)) },
  { comment: "no heartbeat interval, which has a default", tool: "watch_job", value: `${text(1, "j")}1800` },
];

const RULES: readonly Spec[] = [
  { comment: "no numbers", tool: "batch_sum", value: "", broken: { numbers: "repeated.min_items" } },
  { comment: "NaN", tool: "batch_sum", value: `0a10 ${ONE} ${NAN}`, broken: { "numbers[1]": "double.finite" } },
  {
    comment: "both infinities",
    tool: "batch_sum",
    value: `0a18 ${INFINITE} ${ONE} ${MINUS_INFINITE}`,
    broken: { "numbers[0]": "double.finite", "numbers[2]": "double.finite" },
  },
  { comment: "no seconds", tool: "start_long_task", value: "", broken: { seconds: "int32.gte_lte" } },
  { comment: "a second too many", tool: "start_long_task", value: "0815", broken: { seconds: "int32.gte_lte" } },
  {
    comment: "seconds below zero",
    tool: "start_long_task",
    value: "08ffffffffffffffffff01",
    broken: { seconds: "int32.gte_lte" },
  },
  { comment: "a page too large", tool: "list_jobs", value: "18f503", broken: { page_size: "int32.gte_lte" } },
  { comment: "the state 0", tool: "list_jobs", value: "0a0100", broken: { "states[0]": "enum.not_in" } },
  {
    comment: "a state that there is not",
    tool: "list_jobs",
    value: "0a020163",
    broken: { "states[1]": "enum.defined_only" },
  },
  {
    comment: "a text of 129 characters",
    tool: "list_jobs",
    value: text(2, "t".repeat(129)),
    broken: { tool: "string.max_len" },
  },
  {
    comment: "two fields at once",
    tool: "list_jobs",
    value: `${text(2, "t".repeat(129))} 18f503`,
    broken: { tool: "string.max_len", page_size: "int32.gte_lte" },
  },
  { comment: "no job id", tool: "poll_job", value: "", broken: { job_id: "string.min_len" } },
  {
    comment: "a wait too long",
    tool: "poll_job",
    value: `${text(1, "j")} 10c9df02`,
    broken: { wait_ms: "int32.gte_lte" },
  },
  {
    comment: "a revision below zero",
    tool: "poll_job",
    value: `${text(1, "j")} 18ffffffffffffffffff01`,
    broken: { after_revision: "int64.gte" },
  },
  {
    comment: "heartbeats too often",
    tool: "watch_job",
    value: `${text(1, "j")} 1863`,
    broken: { heartbeat_interval_ms: "int32.gte_lte" },
  },
];

const STRICT: readonly Spec[] = [
  { comment: "an unknown field", tool: "batch_sum", value: `0a08 ${ONE} 1001` },
  { comment: "a wrong wire type", tool: "batch_sum", value: "0801" },
  {
    comment: "seven bytes of a double",
    tool: "batch_sum",
    value: "0a07 00000000000000",
  },
  { comment: "a field twice", tool: "start_long_task", value: "0801 0801" },
  {
    comment: "a message twice, which lenient decoders merge",
    tool: "start_long_task",
    value: "0801 1200 1200",
  },
  { comment: "text that is not UTF-8", tool: "poll_job", value: "0a01ff" },
  { comment: "cut off", tool: "poll_job", value: "0a026a" },
  { comment: "a zero tag", tool: "poll_job", value: `${text(1, "j")} 00` },
  {
    comment: "an unknown field deep inside",
    tool: "start_long_task",
    value: `0801${toHex(field(2, entry("a", "2001 c03e01")))}`,
  },
  { comment: "nested too deep", tool: "start_long_task", value: nested(60) },
];

const TYPES: readonly Spec[] = [
  {
    comment: "another tool's type",
    tool: "batch_sum",
    value: "0801",
    typeUrl: TYPE_URL_PREFIX + REQUESTS.start_long_task,
  },
  { comment: "the type's name alone", tool: "batch_sum", value: "", typeUrl: REQUESTS.batch_sum },
  { comment: "another host", tool: "batch_sum", value: "", typeUrl: `example.com/${REQUESTS.batch_sum}` },
  { comment: "a slash in front", tool: "batch_sum", value: "", typeUrl: `/${REQUESTS.batch_sum}` },
  { comment: "no type", tool: "batch_sum", value: "", typeUrl: "" },
];

const TOOLS: readonly Spec[] = [
  { comment: "a tool that there is not", tool: "no_such_tool", value: `0a08 ${ONE}` },
  { comment: "a tool that there is not, with bad arguments", tool: "no_such_tool", value: "ff" },
];

const RPCS: readonly Spec[] = [
  { comment: "watch_job through Call", tool: "watch_job", value: text(1, "j"), method: CALL_METHOD },
  { comment: "batch_sum through WatchJob", tool: "batch_sum", value: `0a08 ${ONE}`, method: WATCH_JOB_METHOD },
  { comment: "through the wrong RPC, with bad arguments", tool: "watch_job", value: "", method: CALL_METHOD },
];

const LARGEST = "ffffffffffffef7f";

const VALID_BOUNDS: readonly Spec[] = [
  { comment: "the largest number of a double in a payload", tool: "start_long_task", value: listedNumber(LARGEST) },
  { comment: "-0 in a payload", tool: "start_long_task", value: listedNumber("0000000000000080") },
  { comment: "100,000 elements", tool: "start_long_task", value: emptyValues(MAX_ELEMENTS) },
];

const BEYOND_BOUNDS: readonly Spec[] = [
  { comment: "NaN in a payload", tool: "start_long_task", value: listedNumber(NAN) },
  { comment: "an infinite number in a payload", tool: "start_long_task", value: listedNumber(INFINITE) },
  {
    comment: "the negative infinite number in a payload",
    tool: "start_long_task",
    value: listedNumber(MINUS_INFINITE),
  },
  { comment: "100,001 elements", tool: "start_long_task", value: emptyValues(MAX_ELEMENTS + 1) },
];
