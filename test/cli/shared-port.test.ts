import { hasPostgres, PostgresServer } from "../support/postgres-server.ts";
import { assert, suite } from "../support/suite.ts";
import { CliServer } from "./cli-process.ts";
import { inFolder, run } from "./cli-run.ts";

const test = suite("cli/shared-port");

if (hasPostgres(test)) {
  let postgres: PostgresServer;
  test.before(async () => {
    postgres = await PostgresServer.start();
  });
  test.after(() => postgres[Symbol.asyncDispose]());

  test("processes on one store share a port, and one after the other may be replaced", () =>
    inFolder(async (folder) => {
      const store = ["--store", postgres.url(await postgres.newSchema())];
      assert.is((await run(["store", "migrate", ...store])).code, 0);
      const serve = ["--dev", ...store, "--reuse-port", "--listen"];
      await using first = await CliServer.start(folder, ...serve, "127.0.0.1:0");
      const address = first.ready.listening;
      await using second = await CliServer.start(folder, ...serve, address);
      assert.is(second.ready.listening, address);
      first.process.child.kill("SIGTERM");
      assert.is((await first.process.ended).code, 0);
      const { code, stdout, stderr } = await run(["call", "batch_sum", '{"numbers":[1,2]}']);
      assert.equal([code, stdout, stderr], [0, '{"count":2,"total":3}\n', ""]);
    }));
}

test.run();
