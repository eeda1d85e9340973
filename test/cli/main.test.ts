import { assert, suite } from "../support/suite.ts";
import { sealwire } from "./cli-process.ts";
import { inFolder } from "./cli-run.ts";

const test = suite("cli/main");

test("--version prints the version and nothing else", () =>
  inFolder(async (cwd) => {
    const { code, stdout, stderr } = await sealwire(["--version"], { cwd });
    assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
    assert.is(stderr, "");
    assert.is(code, 0);
  }));

test("--help goes to stdout and names every command", () =>
  inFolder(async (cwd) => {
    const { code, stdout, stderr } = await sealwire(["--help"], { cwd });
    for (const name of ["serve", "call", "sign", "verify", "tools", "jobs", "keys", "health"]) {
      assert.match(stdout, `\n  ${name}`);
    }
    assert.is(stderr, "");
    assert.is(code, 0);
  }));

test("bad usage is one line what and one line what to do, exit 2", () =>
  inFolder(async (cwd) => {
    for (const args of [[], ["cal"], ["call"], ["jobs"], ["serve", "--concurrency", "many"], ["tools", "--nope"]]) {
      const { code, stdout, stderr } = await sealwire(args, { cwd });
      assert.is(code, 2, args.join(" "));
      assert.is(stdout, "");
      assert.match(stderr, /^error: .+\n {2}try: .+\n$/, args.join(" "));
    }
  }));

test("missing credentials tell where they come from", () =>
  inFolder(async (cwd) => {
    const { code, stderr } = await sealwire(["tools"], { cwd });
    assert.is(code, 2);
    assert.match(stderr, ".sealwire/client.json does not exist");
    assert.match(stderr, "serve --dev");
  }));

test("colours appear when they are forced and not under NO_COLOR", () =>
  inFolder(async (cwd) => {
    assert.match((await sealwire(["tools"], { cwd, env: { FORCE_COLOR: "1" } })).stderr, "\u001b[31m");
    const both = { FORCE_COLOR: "1", NO_COLOR: "1" };
    assert.not.match((await sealwire(["tools"], { cwd, env: both })).stderr, "\u001b");
  }));

test.run();
