import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { waitForModules } from "../../../src/cli/serve/module-wait.ts";
import { RecordingLogger } from "../../signing/key-ring/ring-folder.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { rejection } from "../../support/rejection.ts";
import { assert, suite } from "../../support/suite.ts";
import { CliProcess, CliServer, sealwire } from "../cli-process.ts";
import { inFolder, run } from "../cli-run.ts";

const test = suite("cli/serve/tools-module");

const SUM = ["call", "batch_sum", '{"numbers":[1,2]}', "--credentials", ".sealwire/client.json"];

/** A module with the demo's contract that prints while it loads and while it works. */
const TALKATIVE = `
  import { implement } from "${new URL("../../../src/tools/implement.ts", import.meta.url).href}";
  import { DemoToolServiceDefinition } from "${new URL("../../../gen/sealwire/demo/v1/demo_tool_service.ts", import.meta.url).href}";
  console.log("loading\\nin two lines");
  process.stdout.write("no line break", "utf8", () => console.info({ written: true }));
  export const tools = [implement(DemoToolServiceDefinition, {
    batchSum: ({ numbers }) => {
      console.log("at work");
      return { count: numbers.length, total: 0 };
    },
    startLongTask: () => ({ payload: undefined }),
  })];
  export const descriptors = [];`;

test("what tools print never comes into the ready line: it is logged", () =>
  inFolder(async (folder) => {
    await writeFile("talkative.mjs", TALKATIVE);
    await writeFile("serve.json", JSON.stringify({ dev: true, demo_tools: false, tools: ["talkative.mjs"] }));
    await using server = await CliServer.start(folder, "--config", "serve.json");
    assert.is((await run(SUM)).code, 0);
    server.process.child.kill("SIGTERM");
    const { code, stdout, stderr } = await server.process.ended;
    assert.is(code, 0, stderr);
    assert.equal(Object.keys(JSON.parse(stdout)), [
      "listening",
      "server_id",
      "instance",
      "console",
      "console_url_file",
    ]);
    const lines = stderr
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { readonly printed?: string });
    const printed = lines.flatMap((line) => line.printed ?? []);
    assert.equal(printed, ["loading", "in two lines", "no line break{ written: true }", "at work"]);
  }));

test("a module that never finishes loading is named on stderr, and SIGTERM ends the wait with exit code 2", () =>
  inFolder(async (folder) => {
    await writeFile("stuck.mjs", 'console.log("here"); await new Promise(() => {});');
    await using serve = new CliProcess(["serve", "--dev", "--listen", "127.0.0.1:0", "--tools", "stuck.mjs"], {
      cwd: folder,
    });
    await serve.until("the note", () => serve.stderr.includes("still waiting for tools to load"));
    assert.match(serve.stderr, /"modules":\["stuck\.mjs"\]/);
    serve.child.kill("SIGTERM");
    const { code, stdout, stderr } = await serve.ended;
    assert.equal([code, stdout], [2, ""]);
    assert.match(stderr, "error: The tools module stuck.mjs had not finished loading when SIGTERM came.");
    assert.match(stderr, "try: Look for an await at its top level");
  }));

test("a wait for tools is noted seldom and ends after five minutes", async () => {
  const [clock, logger] = [new FakeClock(), new RecordingLogger()];
  const waiting = waitForModules(new Promise(() => {}), new Set(["a.mjs", "b.mjs"]), { clock, logger });
  const refused = rejection("OPTIONS_INVALID", waiting);
  for (let passed = 0; passed < 299; passed += 1) clock.advance(1000);
  assert.equal(
    logger.lines.map(({ level }) => level),
    Array(6).fill("warn"),
  );
  clock.advance(1000);
  assert.match((await refused).message, "The tools modules a.mjs, b.mjs had not finished loading after 300 s.");
  assert.is(clock.timers, 0);
  assert.is(process.listenerCount("SIGTERM"), 0);
});

/** Files of a tools module that cannot be loaded, and what is told of it. */
const BROKEN: Readonly<Record<string, readonly [Readonly<Record<string, string>>, RegExp]>> = {
  "a type error of syntax in an imported file": [
    { "bad.ts": 'import "./sub.ts";\n', "sub.ts": "export const y = 1;\nexport const x: = 2;\n" },
    /^error: The tools module bad\.ts cannot be loaded: sub\.ts:2:17: SyntaxError: .+\.$/m,
  ],
  "a syntax error of JavaScript in an imported file": [
    { "bad.ts": 'import "./lib/sub.mjs";\n', "lib/sub.mjs": "const a = 1;\nconst b = ;\n" },
    /: lib\/sub\.mjs:2:11: SyntaxError: Unexpected token ';'\.$/m,
  ],
  "a missing export": [
    { "bad.ts": 'import { nope } from "./sub.ts";\n', "sub.ts": "export const a = 1;\n" },
    /: bad\.ts:1:10: SyntaxError: .*'\.\/sub\.ts' does not provide an export named 'nope'\.$/m,
  ],
  "an error thrown in an imported file": [
    { "bad.ts": 'import "./sub.ts";\n', "sub.ts": '\n\nthrow new TypeError("own fault");\n' },
    /: sub\.ts:3:7: TypeError: own fault\.$/m,
  ],
  "a refusal by implement": [
    {
      "bad.ts": `import { implement } from ${JSON.stringify(join(import.meta.dirname, "../../../src/tools/implement.ts"))};
import { DemoToolServiceDefinition } from ${JSON.stringify(join(import.meta.dirname, "../../../gen/sealwire/demo/v1/demo_tool_service.ts"))};
export const tools = [implement(DemoToolServiceDefinition, {} as never)];\n`,
    },
    /: bad\.ts:3:23: \w+: .+/m,
  ],
  "a missing import": [
    { "bad.ts": 'import "./none.ts";\n' },
    /Cannot find module '.*none\.ts' imported from .*bad\.ts/,
  ],
  "what is no Error": [{ "bad.ts": 'throw "a text";\n' }, /cannot be loaded: a text\.$/m],
};

for (const [what, [files, expected]] of Object.entries(BROKEN)) {
  test(`${what} is told by file, line and column`, () =>
    inFolder(async () => {
      await mkdir("lib");
      for (const [name, text] of Object.entries(files)) await writeFile(name, text);
      const { code, stdout, stderr } = await run(["serve", "--dev", "--log-level", "silent", "--tools", "bad.ts"]);
      assert.equal([code, stdout], [2, ""]);
      assert.match(stderr, expected);
      assert.match(stderr, /^ {2}try: Correct it there; SEALWIRE_DEBUG=1/m);
    }));
}

test("tools that the demo has, too, are refused with the way out, and served alone", () =>
  inFolder(async (folder) => {
    const root = join(import.meta.dirname, "..", "..", "..");
    const module = `
      import { demoTools } from ${JSON.stringify(join(root, "src/tools/demo-tools.ts"))};
      export const tools = [demoTools()];
      export const descriptors = [];`;
    await writeFile("own.ts", module);
    const { code, stderr } = await sealwire(["serve", "--dev", "--tools", "./own.ts"], { cwd: folder });
    assert.match(
      stderr,
      /own\.ts implements sealwire\.demo\.v1\.DemoToolService, which --dev or --demo-tools serves, too/,
    );
    assert.match(stderr, /Give --no-demo-tools/);
    assert.is(code, 2);
    await using _server = await CliServer.start(folder, "--dev", "--tools", "./own.ts", "--no-demo-tools");
    assert.is((await run(["call", "batch_sum", '{"numbers":[2]}'])).stdout, '{"count":1,"total":2}\n');
  }));

test.run();
