import { stat } from "node:fs/promises";
import { assert, suite } from "../support/suite.ts";
import { CliServer, sealwire } from "./cli-process.ts";
import { inFolder, run } from "./cli-run.ts";

const test = suite("cli/unix-socket");

const SUM = ["call", "batch_sum", '{"numbers":[1,2,40287.5]}'];

test("a server on a unix socket starts again after kill -9", () =>
  inFolder(async (folder) => {
    const serve = ["--dev", "--listen", "unix:s.sock"];
    const killed = await CliServer.start(folder, ...serve);
    killed.process.child.kill("SIGKILL");
    await killed.process.ended;
    assert.ok((await stat("s.sock")).isSocket());
    await using server = await CliServer.start(folder, ...serve);
    assert.is(server.ready.listening, "unix:s.sock");
    const { code, stdout, stderr } = await run(SUM);
    assert.equal([code, stdout], [0, '{"count":3,"total":40290.5}\n'], stderr);
    const second = await sealwire(["serve", ...serve, "--data", "other"], { cwd: folder });
    assert.is(second.code, 2);
    assert.match(second.stderr, "Cannot listen on unix:s.sock: another process uses it");
    server.process.child.kill("SIGTERM");
    assert.is((await server.process.ended).code, 0);
    assert.is(await stat("s.sock").catch((error: NodeJS.ErrnoException) => error.code), "ENOENT");
  }));

test.run();
