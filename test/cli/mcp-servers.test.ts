import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FIXTURE } from "../mcp/servers/running-fixture.ts";
import { eventually } from "../support/eventually.ts";
import { assert, suite } from "../support/suite.ts";
import { CliServer } from "./cli-process.ts";
import { inFolder, run } from "./cli-run.ts";

/* MCP servers on the command line. */
const test = suite("cli/mcp-servers");

let folder: string;
test.before(() => {
  folder = mkdtempSync(join(tmpdir(), "sealwire-cli-mcp-"));
});
test.after(() => rmSync(folder, { recursive: true, force: true }));

const started = (): number[] => readFileSync(join(folder, "starts.log"), "utf8").trim().split("\n").map(Number);

function runs(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test("serve offers the tools of a server, gives it the named variables, and SIGTERM leaves no process", async () => {
  const secret = "s3cret of the environment";
  const command = `files='${process.execPath}' ${FIXTURE} "${folder}"`;
  const options = ["--mcp-env", "files:TOKEN", "--mcp-job", "files_slow_*", "--mcp-trust-annotations", "files"];
  let pids: number[];
  {
    await using server = await CliServer.start(
      { folder, env: { TOKEN: secret } },
      ...["--dev", "--no-demo-tools", "--mcp-server", command, ...options],
    );
    const listed = await server.run("tools");
    assert.match(listed.stdout, /^files_greet /m);
    const called = await server.run("call", "files_greet", '{"arguments": {"name": "Ann"}}');
    assert.equal([called.code, called.stderr], [0, ""]);
    assert.match(called.stdout, "Hello, Ann!");
    const refused = await server.run("call", "files_greet", '{"arguments": {"name": ""}}');
    assert.is(refused.code, 2);
    assert.match(refused.stderr, "arguments.name");
    const job = await server.run("call", "files_slow_job", "{}");
    assert.match(job.stdout, "finished");
    const page = await server.run("tools", "files_greet");
    assert.match(page.stdout, "Greets a person.");
    await server.run("call", "files_environment", "{}");
    const forked = await server.run("call", "files_fork", "{}");
    pids = [...started(), Number(/"text":"(\d+)"/.exec(forked.stdout)?.[1])];
    assert.equal(pids.map(runs), [true, true]);
    server.process.child.kill("SIGTERM");
    const { code, stderr } = await server.process.ended;
    assert.is(code, 0);
    assert.match(stderr, "the token is [hidden]");
    assert.not.match(stderr, secret);
  }
  assert.equal(pids.map(runs), [false, false]);
});

test("a second signal ends the process at once, and with it those of its servers", async () => {
  const before = started().length;
  await using server = await CliServer.start(
    folder,
    ...["--dev", "--mcp-server", `files=${process.execPath} ${FIXTURE} ${folder}`, "--mcp-job", "files_hang"],
  );
  await server.run("call", "files_hang", "--detach");
  await eventually("the call", () => readFileSync(join(folder, "calls.log"), "utf8").includes("hang {}"));
  server.process.child.kill("SIGTERM");
  await server.process.until("the drain", () => server.process.stderr.includes("draining"));
  server.process.child.kill("SIGTERM");
  await server.process.ended;
  await eventually("the end", () => !started().slice(before).some(runs));
});

test("a configuration file has the same settings, and names variables alone", async () => {
  const command = [process.execPath, FIXTURE, folder];
  const files = { command, env: ["TOKEN"], jobs: ["files_slow_*"], per_client: true, start_timeout: "20s" };
  writeFileSync(join(folder, "config.json"), JSON.stringify({ mcp_servers: { files } }));
  await using server = await CliServer.start(
    { folder, env: { TOKEN: "s3cret of the file" } },
    ...["--dev", "--config", "config.json"],
  );
  const called = await server.run("call", "files_environment", "{}");
  assert.match(called.stdout, "TOKEN");
  const pids = started();
  server.process.child.kill("SIGKILL");
  await eventually("the end of the servers without a drain", () => !pids.some(runs));
});

test("import writes a typed contract once, and never over a file", async () => {
  const args = [
    "mcp",
    "import",
    `files=${process.execPath} ${FIXTURE} ${folder}`,
    "--out",
    join(folder, "files.proto"),
  ];
  const imported = await run(args, { env: { PATH: process.env.PATH ?? "" } });
  assert.equal([imported.code, imported.stdout], [0, ""], imported.stderr);
  assert.match(readFileSync(join(folder, "files.proto"), "utf8"), "rpc Greet(GreetRequest) returns (GreetResponse)");
  const again = await run(args);
  assert.is(again.code, 2);
  assert.match(again.stderr, "files.proto exists");
  const absent = await run(["mcp", "import", "files=/nowhere/at/all"]);
  assert.is(absent.code, 4);
  assert.match(absent.stderr, "ENOENT");
});

test("what is wrong with an MCP server is told before anything is made", () =>
  inFolder(async (empty) => {
    const cases: readonly [readonly string[], string, string][] = [
      [["--mcp-server", "files"], "--mcp-server has no NAME=", "Write it as NAME=SERVER"],
      [["--mcp-server", "Files=x"], 'The name "Files" of an MCP server', ""],
      [["--mcp-server", "files='x"], "has a ' without its end", "Quote words with spaces"],
      [["--mcp-server", "files=  "], "The command of the MCP server", ""],
      [["--mcp-server", "web=http://tools.example.com/mcp"], "is not on this machine and needs https", ""],
      [["--mcp-server", "web=https://a:b@tools.example.com/mcp"], "contains a password", ""],
      [["--mcp-server", "a=x", "--mcp-env", "TOKEN"], "--mcp-env is not NAME:VARIABLE", "such as files:TOKEN"],
      [["--mcp-server", "a=x", "--mcp-env", "b:TOKEN"], "--mcp-env names b, which no --mcp-server is", ""],
      [["--mcp-server", "a=x", "--mcp-env", "a:NOT_SET_HERE"], "is to get NOT_SET_HERE, which is not set", ""],
      [["--mcp-server", "a=x", "--mcp-job", "A*"], 'The jobs of the MCP server "a" contain "A*"', ""],
      [["--mcp-job", "a*"], "--mcp-job needs a --mcp-server", ""],
      [["--mcp-server", "a-b=x", "--mcp-server", "a_b=x"], 'The name of the MCP server "a_b" is given twice', ""],
    ];
    for (const [args, problem, toDo] of cases) {
      const { code, stdout, stderr } = await run(["serve", "--dev", ...args]);
      assert.equal([code, stdout], [2, ""], `${args.join(" ")}: ${stderr}`);
      assert.ok(stderr.includes(problem), stderr);
      assert.ok(stderr.includes(toDo), stderr);
    }
    assert.equal(readdirSync(empty), []);
  }));

test.run();
