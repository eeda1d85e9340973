import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { AUDIT_ACTIONS, AUDIT_OUTCOMES } from "../../src/audit/event.ts";
import { assert, suite } from "../support/suite.ts";
import { AuditFolder, call } from "./audit-file.ts";
import { pathsOf, sampleLines, toOcsf } from "./ocsf.ts";

const test = suite("audit/schema");

const root = join(import.meta.dirname, "../..");
const page = readFileSync(join(root, "docs/audit.md"), "utf8");
const schema = JSON.parse(readFileSync(join(root, "schemas/audit-log.v1.schema.json"), "utf8"));
const validate = new Ajv2020({ strict: true, allErrors: true, formats: { "date-time": /^\S+T\S+Z$/ } }).compile(schema);

test("the lines of a log fit the schema, with every member that an event can have", async () => {
  using folder = new AuditFolder();
  {
    await using log = await folder.open();
    log.note(call("call-1"));
    log.note({
      ...{ action: "call.end", outcome: "failed", reason: "TOOL_FAILED", client: "ann", keyId: "k_1" },
      target: { type: "tool", id: "greet" },
      ...{ source: "192.0.2.1:5", requestId: "r", jobId: "j", attempt: 2, traceId: "t" },
      argsSha256: "0".repeat(64),
      count: 3,
      details: { causes: { mac: 3 } },
    });
  }
  for (const line of folder.lines()) assert.ok(validate(JSON.parse(line)), JSON.stringify(validate.errors));
  const full = JSON.parse(folder.lines()[2] ?? "");
  assert.equal(Object.keys(full).sort(), Object.keys(schema.properties).sort());
  assert.not.ok(validate({ ...full, mac: undefined }));
});

test("the schema and the page list the actions and outcomes of the code", () => {
  assert.equal(schema.properties.action.examples, AUDIT_ACTIONS);
  assert.equal(schema.properties.outcome.examples, AUDIT_OUTCOMES);
  for (const name of [...AUDIT_ACTIONS, ...AUDIT_OUTCOMES]) assert.ok(page.includes(`\`${name}\``), name);
  for (const name of Object.keys(schema.properties)) assert.ok(page.includes(`\`${name}\``), name);
});

test("the mapping to OCSF on the page has the attributes of mapped lines, and no other", async () => {
  const [, table = ""] = page.split("## OCSF");
  const listed = table.split("\n").flatMap((row) => {
    const [, cell = ""] = row.split("|");
    return [...cell.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name);
  });
  const mapped = (await sampleLines()).flatMap((line) => pathsOf(toOcsf(line)));
  assert.equal([...new Set(mapped)].sort(), listed.sort());
});

test("the line on the page fits the schema", () => {
  const [, line = ""] = /```json\n(.+)\n```/.exec(page) ?? [];
  assert.ok(validate(JSON.parse(line)), JSON.stringify(validate.errors));
});

test.run();
