import { eventually } from "../../support/eventually.ts";
import { rejection } from "../../support/rejection.ts";
import { assert, suite } from "../../support/suite.ts";
import { type McpFixture, startFixture } from "./running-fixture.ts";

/* Calls of the tools of an MCP server that runs as a child. */
const test = suite("mcp/servers/calls");

let fixture: McpFixture;
test.before(async () => {
  fixture = await startFixture();
});
test.after(() => fixture?.[Symbol.asyncDispose]());

const call = async (tool: string, args = {}, options = {}) => {
  const { output } = await fixture.server.client().call(tool, { arguments: args }, options);
  return (await output?.json()) as Record<string, unknown>;
};

test("a result has its content and the object, and the call is in the log", async () => {
  assert.equal(await call("files_greet", { name: "Ann", tone: "warm" }), {
    content: [{ text: { text: "Hello, Ann!" } }],
    structuredContent: { text: "Hello, Ann!" },
  });
  assert.match(fixture.log(), '"tool":"files_greet"');
});

test("the tools are listed with names, texts and schemas, and nothing that the server only claims", async () => {
  const { tools } = await fixture.server.client().listTools();
  const own = tools.filter(({ name }) => name.startsWith("files_"));
  assert.ok(own.some(({ name }) => name === "files_write_note") && own.some(({ name }) => name === "files_slow_job"));
  const greet = own.find(({ name }) => name === "files_greet");
  assert.is(greet?.description, "Greets a person.\nIn one line.");
  assert.is(greet?.method, "mcp.files.v1.ToolService.Greet");
  assert.is(greet?.readOnly, false);
  assert.is(greet?.options?.title, "Greeting");
  assert.is(greet?.options?.openWorldHint, undefined);
  assert.equal(JSON.parse(greet?.options?.inputSchema ?? "").required, ["name"]);
  assert.equal(JSON.parse(greet?.options?.outputSchema ?? "").required, ["text"]);
  assert.match(greet?.definitionDigest ?? "", /^[0-9a-f]{64}$/);
});

test("arguments that do not fit the schema are refused with every fault, and do not reach the server", async () => {
  const before = fixture.lines("calls.log").length;
  const args = { name: "", times: 0.5, tone: "loud", "a b": 1 };
  const error = await rejection("ARGS_INVALID", call("files_greet", args));
  assert.equal(error.violations.map(({ field, ruleId, message }) => `${field} ${ruleId} ${message}`).sort(), [
    "arguments.name schema.minLength must NOT have fewer than 1 characters",
    'arguments.name schema.pattern must match pattern "^(?:[A-Za-z]+ ?)+$"',
    "arguments.times schema.minimum must be >= 1",
    "arguments.times schema.type must be integer",
    'arguments.tone schema.enum must be one of "warm", "cold"',
    'arguments["a b"] schema.additionalProperties is not a property of the tool',
  ]);
  const missing = await rejection("ARGS_INVALID", call("files_greet", {}));
  assert.equal(missing.violations, [{ field: "arguments.name", ruleId: "schema.required", message: "is required" }]);
  assert.is(fixture.lines("calls.log").length, before);
});

test("a regular expression of the schema cannot hold up the server", async () => {
  const error = await rejection("ARGS_INVALID", call("files_greet", { name: `${"a".repeat(60)}!` }));
  assert.is(error.violations[0]?.ruleId, "schema.time");
});

test("the server gets the idempotency key of the call and the trace context of its caller", async () => {
  const trace = { traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01`, tracestate: "vendor=some" };
  const metaOf = async (options: object) => {
    const { content } = (await call("files_meta", {}, options)) as { content: [{ text: { text: string } }] };
    return JSON.parse(content[0].text.text);
  };
  const { "dev.sealwire/idempotency-key": key, ...traced } = await metaOf({ ...trace, requestId: "one" });
  assert.match(key, /^[0-9a-f]{64}$/);
  assert.equal({ traceparent: traced.traceparent, tracestate: traced.tracestate }, trace);
  const plain = await metaOf({ requestId: "two" });
  assert.is.not(plain["dev.sealwire/idempotency-key"], key);
  assert.is(plain.traceparent, undefined);
});

test("pictures, links and resources arrive as they were sent", async () => {
  assert.equal(await call("files_media"), {
    content: [
      { text: { text: "a picture" } },
      {
        image: { data: "iVBORw0KGgo=", mimeType: "image/png" },
        annotations: { audience: ["user"], priority: 0.5 },
      },
      { resourceLink: { uri: "file:///a.txt", name: "a", sizeBytes: "3" } },
      { resource: { uri: "file:///b.txt", text: "b" } },
    ],
  });
});

test("a failed tool, refused arguments and an error of the server are told apart", async () => {
  const failed = await rejection("TOOL_FAILED", call("files_fails"));
  assert.is(failed.message, "the disk is full\ntry later");
  const refused = await rejection("ARGS_INVALID", call("files_refuses"));
  assert.match(refused.message, "the date is in the past");
  const broken = await rejection("INTERNAL", call("files_breaks"));
  assert.not.match(broken.message, "secret");
});

test("a tool without hints runs once for an intent, whatever its annotations say", async () => {
  const before = fixture.lines("calls.log").length;
  const options = { requestId: "once-and-again" };
  await call("files_greet", { name: "Bob" }, options);
  await call("files_greet", { name: "Bob" }, options);
  assert.is(fixture.lines("calls.log").length, before + 1);
});

test("an argument named __proto__ is checked like any other", async () => {
  const error = await rejection("ARGS_INVALID", call("files_greet", JSON.parse('{"__proto__": {}, "name": "Eve"}')));
  assert.is(error.violations[0]?.field, "arguments.__proto__");
});

test("a call that is given up is cancelled at the server", async () => {
  await rejection("DEADLINE_EXCEEDED", call("files_hang", {}, { timeoutMs: 500, requestId: "hangs" }));
  await eventually("the cancellation", () => fixture.lines("calls.log").includes("hang was cancelled"));
  await rejection("OUTCOME_UNKNOWN", call("files_hang", {}, { timeoutMs: 500, requestId: "hangs" }));
});

test("annotations are believed of a server that is trusted", async () => {
  await using trusted = await startFixture({ files: { trustAnnotations: true, jobs: ["files_write_note"] } });
  const client = trusted.server.client();
  const { tools } = await client.listTools();
  const greet = tools.find(({ name }) => name === "files_greet");
  assert.equal([greet?.readOnly, greet?.options?.openWorldHint], [true, false]);
  const note = tools.find(({ name }) => name === "files_write_note");
  assert.equal([note?.idempotent, note?.options?.destructiveHint, note?.job?.maxAttempts], [true, true, 3]);
  const options = { requestId: "again" };
  await client.call("files_greet", { arguments: { name: "Ann" } }, options);
  await client.call("files_greet", { arguments: { name: "Ann" } }, options);
  assert.is(trusted.lines("calls.log").length, 2);
});

test("a thousand calls leave one child", async () => {
  const client = fixture.server.client();
  const calls = Array.from({ length: 1_000 }, () => client.call("files_counter", { arguments: {} }));
  const outputs = await Promise.all((await Promise.all(calls)).map(({ output }) => output?.json()));
  assert.is(new Set(outputs.map((output) => JSON.stringify(output))).size, 1_000);
  assert.is(fixture.mcp.pids.length, 1);
  assert.is(fixture.lines("starts.log").length, 1);
});

test.run();
