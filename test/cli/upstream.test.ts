import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildDescriptors } from "../support/build-descriptors.ts";
import { eventually } from "../support/eventually.ts";
import { assert, suite } from "../support/suite.ts";
import { type FaultUpstream, faultDescriptors, SERVICE, startFaultUpstream } from "../upstream/fault-upstream.ts";
import { CliServer, sealwire } from "./cli-process.ts";

/* Upstreams on the command line. */
const test = suite("cli/upstream");

const PROTO = join(import.meta.dirname, "..", "upstream", "proto");

let folder: string;
let upstream: FaultUpstream;

test.before(async () => {
  folder = mkdtempSync(join(tmpdir(), "sealwire-cli-upstream-"));
  writeFileSync(join(folder, "fault.binpb"), faultDescriptors());
  upstream = await startFaultUpstream((call) => {
    if (call.method !== "Flow") return call.send(`did ${call.what}`);
    call.progress(1, 2);
    call.send("flowed");
    call.end();
  });
});
test.after(async () => {
  await upstream?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const served = () => ["--upstream", `fault=${upstream.options.address}`, "--upstream-descriptors", "fault=fault.binpb"];

test("serve offers the tools beside its own, and SIGHUP takes over a changed contract", async () => {
  await using server = await CliServer.start(folder, "--dev", ...served());
  await eventually("the upstream serves", async () => (await server.run("health", SERVICE)).code === 0);
  const called = await server.run("call", "act", '{"what": "this"}');
  assert.equal([called.code, called.stdout.trim()], [0, '{"text":"did this"}'], called.stderr);
  const flowed = await server.run("call", "flow", '{"what": "this"}');
  assert.equal([flowed.code, flowed.stdout.trim()], [0, '{"text":"flowed"}'], flowed.stderr);
  const listed = await server.run("tools");
  for (const tool of ["act", "flow", "look", "work", "batch_sum"])
    assert.match(listed.stdout, new RegExp(`^${tool} `, "m"));
  const page = await server.run("tools", "act");
  assert.match(page.stdout, "A sync tool with side effects.");
  writeFileSync(
    join(folder, "fault.binpb"),
    buildDescriptors(PROTO, (source) => source.replace("max_len = 100]", "max_len = 3]")),
  );
  server.process.child.kill("SIGHUP");
  await server.process.until("the log of the reload", () => server.process.stderr.includes("were reloaded"));
  const refused = await server.run("call", "act", '{"what": "this"}');
  assert.is(refused.code, 2);
  assert.match(refused.stderr, "what: ");
  writeFileSync(join(folder, "fault.binpb"), "no descriptors");
  server.process.child.kill("SIGHUP");
  await server.process.until("the log of the fault", () => server.process.stderr.includes("the previous ones stay"));
  assert.is((await server.run("call", "act", '{"what": "out"}')).code, 0);
  writeFileSync(join(folder, "fault.binpb"), faultDescriptors());
});

test("pull needs reflection, and says what to do without", async () => {
  const { code, stderr } = await sealwire(["upstream", "pull", String(upstream.options.address), "new.binpb"], {
    cwd: folder,
  });
  assert.is(code, 2);
  assert.match(stderr, "has no reflection");
  assert.match(stderr, "buf build --as-file-descriptor-set");
});

test("what is wrong with an upstream is told before anything is made", async () => {
  const empty = mkdtempSync(join(folder, "empty-"));
  writeFileSync(join(empty, "text.binpb"), "no descriptors");
  const cases: readonly [readonly string[], string, string][] = [
    [["--upstream", "fault"], '--upstream is "fault"', "Write it as NAME=VALUE"],
    [["--upstream", "a=unix:/x"], "The upstream a has no descriptors", "Give --upstream-descriptors a=FILE"],
    [["--upstream-descriptors", "a=b"], "There is no upstream a", "Give --upstream a=ADDRESS"],
    [["--upstream", "a=unix:/x", "--upstream-descriptors", "a=text.binpb"], 'The descriptors of the upstream "a"', ""],
    [["--upstream", "A=unix:/x", "--upstream-descriptors", "A=text.binpb"], 'The name "A" of an upstream', ""],
    [
      ["--upstream", "a=10.0.0.1:5", "--upstream-descriptors", "a=text.binpb"],
      "is not on this machine and needs tls",
      "",
    ],
    [["--upstream", "a=", "--upstream-descriptors", "a=text.binpb"], '--upstream is "a="', ""],
  ];
  for (const [args, problem, toDo] of cases) {
    const { code, stdout, stderr } = await sealwire(["serve", "--dev", "--no-demo-tools", ...args], { cwd: empty });
    assert.equal([code, stdout], [2, ""], args.join(" "));
    assert.match(stderr, problem);
    assert.match(stderr, toDo);
  }
  assert.equal(readdirSync(empty), ["text.binpb"]);
});

test.run();
