import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { assert, suite } from "../support/suite.ts";
import { CliServer } from "./cli-process.ts";
import { inFolder, run } from "./cli-run.ts";

const test = suite("cli/replicas");

test("commands use whichever servers are left of those whose addresses they were given", () =>
  inFolder(async (folder) => {
    await using one = await CliServer.start(folder, "--dev", "--data", "one");
    for (const data of ["two", "three"]) {
      await mkdir(data, { mode: 0o700 });
      await copyFile(join("one", "key-ring.json"), join(data, "key-ring.json"));
    }
    await using two = await CliServer.start(folder, "--data", "two", "--demo-tools");
    await using three = await CliServer.start(folder, "--data", "three", "--demo-tools");
    const address = [one, two, three].map(({ ready }) => ready.listening).join(",");
    const call = (...args: readonly string[]) =>
      run([...args, "--credentials", join("one", "client.json"), "--address", address]);

    const sums = async () => {
      const results = await Promise.all(
        Array.from({ length: 2 }, () => call("call", "batch_sum", '{"numbers": [1, 2]}')),
      );
      return results.map(({ code, stdout, stderr }) => `${code} ${stdout}${stderr}`);
    };
    const right = Array.from({ length: 2 }, () => '0 {"count":2,"total":3}\n');
    assert.equal(await sums(), right);
    one.process.child.kill("SIGKILL");
    assert.equal(await sums(), right);
    two.process.child.kill("SIGTERM");
    assert.equal(await sums(), right);
    assert.is((await call("health")).stdout, "SERVING\n");
    three.process.child.kill("SIGKILL");
    await three.process.ended;
    await two.process.ended;
    assert.is((await call("health")).code, 4);
  }));

test.run();
