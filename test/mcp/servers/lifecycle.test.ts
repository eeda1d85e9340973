import { existsSync, readFileSync, rmSync } from "node:fs";
import { eventually } from "../../support/eventually.ts";
import { rejection } from "../../support/rejection.ts";
import { assert, suite } from "../../support/suite.ts";
import { fixtureOptions, startFixture } from "./running-fixture.ts";

/* The processes of MCP servers: their ends, their environment, what they write. */
const test = suite("mcp/servers/lifecycle");

const SERVICE = "mcp.files.v1.ToolService";

/** Not a zombie, which stays until the system's first process takes note of its end. */
function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch (thrown) {
    // Without /proc there is no better answer.
    return (thrown as NodeJS.ErrnoException).code === "ENOENT" && !existsSync("/proc/self/stat");
  }
}

/** The text of a result with one block. */
function textOf(output: unknown): string {
  return (output as { content: [{ text: { text: string } }] }).content[0].text.text;
}

test("a server that crashes in a call leaves its outcome unknown, is not asked twice, and is started again", async () => {
  await using fixture = await startFixture();
  const client = fixture.server.client();
  const [first] = fixture.mcp.pids;
  const crash = () => client.call("files_crash", { arguments: {} }, { requestId: "crash", timeoutMs: 5_000 });
  await rejection("OUTCOME_UNKNOWN", crash());
  await eventually("the restart", () => fixture.mcp.pids.length === 1 && fixture.mcp.pids[0] !== first);
  await rejection("OUTCOME_UNKNOWN", crash());
  assert.equal(
    fixture.lines("calls.log").filter((line) => line.startsWith("crash")),
    ["crash {}"],
  );
  await client.call("files_greet", { arguments: { name: "Ann" } });
  assert.is(fixture.lines("starts.log").length, 2);
  assert.match(fixture.log(), '"code":3');
});

test("a server that reads no more is ended before its input fills the memory, and started again", async () => {
  await using fixture = await startFixture({ tools: [{ name: "deaf", inputSchema: { type: "object" } }] });
  const client = fixture.server.client();
  const [first] = fixture.mcp.pids;
  await client.call("files_deaf", { arguments: {} });
  await new Promise((resolve) => setTimeout(resolve, 200));
  const note = { arguments: { text: "a".repeat(900_000) } };
  // 27 MB in all.
  const calls = Array.from({ length: 30 }, () => client.call("files_write_note", note, { timeoutMs: 20_000 }));
  const outcomes = await Promise.allSettled(calls);
  assert.ok(outcomes.some(({ status }) => status === "rejected"));
  await eventually("the restart", () => fixture.mcp.pids.length === 1 && fixture.mcp.pids[0] !== first);
  assert.match(fixture.log(), "has not read the last");
  await client.call("files_greet", { arguments: { name: "Ann" } });
});

test("calls fail without an effect while the server is away, and health tells", async () => {
  await using fixture = await startFixture();
  const client = fixture.server.client();
  assert.is(await client.health(SERVICE), "SERVING");
  // It cannot be started again: its program is gone with the folder that is its argument.
  rmSync(fixture.folder, { recursive: true });
  process.kill(fixture.mcp.pids[0] ?? 0, "SIGKILL");
  await eventually("NOT_SERVING", async () => (await client.health(SERVICE)) === "NOT_SERVING");
  const error = await rejection(
    "UNAVAILABLE",
    client.call("files_greet", { arguments: { name: "Ann" } }, { timeoutMs: 1_000 }),
  );
  assert.match(error.message, "cannot be reached");
  assert.is(await client.health(), "SERVING");
});

test("a server that does not start is no reason not to serve the tools of the others", async () => {
  const others = [
    { name: "absent", command: ["/nowhere/at/all"] },
    { name: "broken", command: [process.execPath, "-e", "process.exit(1)"] },
  ];
  await using fixture = await startFixture({ others });
  await fixture.server.client().call("files_greet", { arguments: { name: "Ann" } });
  assert.match(fixture.log(), "ENOENT");
  assert.is(await fixture.server.client().health("mcp.absent.v1.ToolService"), "NOT_SERVING");
});

test("the whole tree of a server ends with it", async () => {
  const fixture = await startFixture();
  let pids: number[];
  try {
    const { output } = await fixture.server.client().call("files_fork", { arguments: {} });
    pids = [...fixture.mcp.pids, Number(textOf(await output?.json()))];
    assert.equal(pids.map(runs), [true, true]);
  } finally {
    await fixture[Symbol.asyncDispose]();
  }
  assert.equal(pids.map(runs), [false, false]);
});

test("a program gets the named environment alone, and its values appear in no log", async () => {
  const secret = "s3cret-of-the-environment";
  await using fixture = await startFixture({
    files: { env: { PATH: process.env.PATH ?? "", TOKEN: secret } },
    others: [fixtureOptions("/tmp", { name: "other", env: {} })],
  });
  process.env.SEALWIRE_TEST_LEAK = "leaked";
  const { output } = await fixture.server.client().call("files_environment", { arguments: {} });
  const names: string[] = JSON.parse(textOf(await output?.json()));
  assert.equal(
    names.filter((name) => !/^__CF|^NODE_/.test(name)),
    ["PATH", "TOKEN"],
  );
  await eventually("the line of stderr", () => fixture.log().includes("the token is [hidden]"));
  assert.not.match(fixture.log(), secret);
});

test("clients of a server per client have a child each, and its state is their own", async () => {
  await using fixture = await startFixture({
    files: { perClient: true },
    server: { clients: { alice: {}, bob: {} } },
  });
  const count = async (client: string): Promise<string> => {
    const { output } = await fixture.server.client(client).call("files_counter", { arguments: {} });
    return textOf(await output?.json());
  };
  const [first, second, other] = [await count("alice"), await count("alice"), await count("bob")];
  assert.match(first, / 1$/);
  assert.match(second, / 2$/);
  assert.match(other, / 1$/);
  assert.is(fixture.mcp.pids.length, 3);
});

test.run();
