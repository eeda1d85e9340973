import { writeCredentials } from "../../src/signing/key-ring/credentials.ts";
import { startServer } from "../support/running-server.ts";
import { assert, suite } from "../support/suite.ts";
import { inFolder, run } from "./cli-run.ts";

/* `sealwire tools --schema`: what an agent's host is told of a tool. */
const test = suite("cli/tool-schemas");

const ACCESS = ["--credentials", "client.json"];

function serving(body: () => Promise<void>): Promise<void> {
  return inFolder(async () => {
    await using server = await startServer();
    await writeCredentials("client.json", server.credentials());
    await body();
  });
}

test("the schemas of one tool are one line, and indented on a terminal", () =>
  serving(async () => {
    const { code, stdout, stderr } = await run(["tools", "batch_sum", "--schema", ...ACCESS]);
    assert.is(code, 0, stderr);
    assert.is(stdout.split("\n").length, 2);
    const { input, output, ...more } = JSON.parse(stdout);
    assert.equal(more, {});
    assert.equal(input.properties.numbers, {
      type: "array",
      description: "1 to 10,000 finite numbers.",
      items: { type: "number" },
      minItems: 1,
      maxItems: 10000,
    });
    assert.equal(Object.keys(output.properties), ["count", "total"]);
    const shown = await run(["tools", "batch_sum", "--schema", ...ACCESS], { dataColumns: 80 });
    assert.match(shown.stdout, /^\{\n {2}"input": \{\n {4}"type": "object",\n/);
    assert.equal(JSON.parse(shown.stdout), { input, output });
  }));

test("without a tool they are one object, by name", () =>
  serving(async () => {
    const { stdout } = await run(["tools", "--schema", ...ACCESS]);
    const schemas = JSON.parse(stdout);
    for (const name of ["batch_sum", "start_long_task", "list_jobs"]) {
      assert.equal(Object.keys(schemas[name]), ["input", "output"], name);
      assert.is(schemas[name].input.type, "object");
    }
  }));

test("a tool that is not there is refused with the one that is meant, and --json beside it", () =>
  serving(async () => {
    const unknown = await run(["tools", "batch_sun", "--schema", ...ACCESS]);
    assert.is(unknown.code, 2);
    assert.match(unknown.stderr, /did you mean batch_sum\?/);
    const both = await run(["tools", "--schema", "--json", ...ACCESS]);
    assert.is(both.code, 2);
    assert.match(both.stderr, /--schema.*--json/);
  }));

test.run();
