import { BatchSumResponse } from "../../gen/sealwire/demo/v1/batch_sum.ts";
import { DemoToolServiceDefinition } from "../../gen/sealwire/demo/v1/demo_tool_service.ts";
import { StartLongTaskResponse } from "../../gen/sealwire/demo/v1/start_long_task.ts";
import { writeCredentials } from "../../src/signing/key-ring/credentials.ts";
import { outputBytes } from "../../src/tools/handler.ts";
import { implement } from "../../src/tools/implement.ts";
import { startServer } from "../support/running-server.ts";
import { assert, suite } from "../support/suite.ts";
import { type Ended, inFolder, run } from "./cli-run.ts";

/* What a tool returns, and the server signs, is shown as far as it can be, and never does anything to a terminal. */
const test = suite("cli/shown");

/** Struct { "x": NaN, "n": { "y": -Infinity } }, which has no ProtoJSON. */
const NOT_FINITE = `
  0a0e 0a01 78 1209 11 000000000000f87f
  0a17 0a01 6e 1212 2a10 0a0e 0a01 79 1209 11 000000000000f0ff`;
const HOSTILE = "a\u001b[2Jb\u009bc\u007fd\u202ee\u2066f\u0085";

function hex(digits: string): Buffer {
  return Buffer.from(digits.replaceAll(/\s/g, ""), "hex");
}

/** What the tools return next. */
let result: Uint8Array;

const tools = implement(DemoToolServiceDefinition, {
  batchSum: () => outputBytes(result),
  startLongTask: async () => outputBytes(result),
});

/** Runs a command against a server whose tools return `bytes`. */
async function shown(bytes: Uint8Array, ...command: string[]): Promise<Ended> {
  let ended: Ended | undefined;
  await inFolder(async () => {
    await using server = await startServer({ clients: { ann: {} }, tools: [tools] });
    await writeCredentials("client.json", server.credentials("ann"));
    result = bytes;
    ended = await run([...command, "--credentials", "client.json"]);
  });
  return ended as Ended;
}

const START = ["call", "start_long_task", '{"seconds":1}'];

test("a number that JSON cannot hold is shown as text, and the call has succeeded", async () => {
  const payload = hex(NOT_FINITE);
  const { code, stdout, stderr } = await shown(Buffer.concat([Buffer.from([0x0a, payload.length]), payload]), ...START);
  assert.is(stdout, '{"payload":{"x":"NaN","n":{"y":"-Infinity"}}}\n');
  assert.not.match(stderr, /UNVERIFIED|error/);
  assert.is(code, 0);
});

test("a result may have more elements than arguments", async () => {
  const text = `[${"null,".repeat(100_000)}null]`;
  const bytes = StartLongTaskResponse.encode({ payload: { list: JSON.parse(text) } }).finish();
  const { code, stdout, stderr } = await shown(bytes, ...START);
  assert.is(code, 0, stderr);
  assert.is(stdout, `{"payload":{"list":${text}}}\n`);
});

test("a text that would do something to a terminal is escaped in JSON, and means the same", async () => {
  const bytes = StartLongTaskResponse.encode({ payload: { [HOSTILE]: HOSTILE } }).finish();
  const { code, stdout } = await shown(bytes, ...START);
  assert.is(code, 0);
  assert.not.match(stdout.trimEnd(), /[\p{Cc}\p{Bidi_Control}]/u);
  assert.equal(JSON.parse(stdout), { payload: { [HOSTILE]: HOSTILE } });
});

test("bytes that are no such message fail the call as the tool's fault, not as tampering", async () => {
  const wrong = { unknown: "7801", cut: "0a05", text: "0a01ff" };
  for (const [what, bytes] of Object.entries(wrong)) {
    const { code, stderr } = await shown(hex(bytes), "call", "batch_sum", '{"numbers":[1]}');
    assert.is(code, 1, what);
    assert.match(stderr, /^error: INTERNAL: /);
  }
  const sum = BatchSumResponse.encode({ count: 1, total: 2 }).finish();
  assert.is((await shown(sum, "call", "batch_sum", '{"numbers":[1]}')).stdout, '{"count":1,"total":2}\n');
});

const REFUSED: Readonly<Record<string, readonly [string, RegExp]>> = {
  "an int64 with a fraction of zero": [
    '{"numbers":[9007199254740993.0]}',
    /cannot be represented exactly as a JSON number/,
  ],
  "a number that is infinite": ['{"seconds":1,"payload":{"x":1e400}}', /payload\.x: the number cannot be represented/],
  "hexadecimal text": ['{"numbers":["0x10"]}', /numbers\[0\]: "0x10" is not a decimal number/],
  "text with a space": ['{"numbers":[" 5"]}', /numbers\[0\]: " 5" is not a decimal number/],
  "a number in a list": [
    '{"seconds":1,"payload":{"a":[1,{"b":9007199254740993}]}}',
    /payload\.a\[1\]\.b: the number cannot/,
  ],
  "text in place of a number": ['{"numbers":[1,"x"]}', /BatchSumRequest: numbers\[1\]: "x" is not a decimal number/],
  "null in a list": ['{"numbers":[1,null]}', /BatchSumRequest: numbers\[1\]: null is not a number\./],
  "a number in place of a Struct": ['{"seconds":1,"payload":5}', /payload: 5 is not a JSON object/],
  "a list in place of the arguments": ["[1]", /BatchSumRequest: a list is not a JSON object/],
  "a misspelt field": ['{"numbrs":[1]}', /has no field "numbrs"; did you mean numbers\?/],
  "text that is no JSON": [
    "hello",
    /^error: The JSON argument is not valid JSON at line 1, column 1\.\n {2}try: Put it in single quotes/,
  ],
  "3,000 levels": [`${"[".repeat(3000)}${"]".repeat(3000)}`, /nested more than 100 levels deep/],
};

for (const [what, [args, message]] of Object.entries(REFUSED)) {
  test(`${what} is refused with the place`, async () => {
    const tool = args.includes("seconds") ? "start_long_task" : "batch_sum";
    const { code, stderr } = await shown(Buffer.alloc(0), "call", tool, args);
    assert.match(stderr, message);
    assert.is(code, 2, stderr);
  });
}

test("a byte order mark before the arguments is passed over", () =>
  inFolder(async () => {
    await using server = await startServer({ clients: { ann: {} } });
    await writeCredentials("client.json", server.credentials("ann"));
    const args = ["call", "batch_sum", "-", "--credentials", "client.json"];
    const { code, stdout, stderr } = await run(args, { stdin: '\uFEFF{"numbers":[1,2]}' });
    assert.is(code, 0, stderr);
    assert.is(stdout, '{"count":2,"total":3}\n');
  }));

test.run();
