import { openPostgresStore } from "../../src/store/postgres/open.ts";
import { hasPostgres, PostgresServer } from "../support/postgres-server.ts";
import { suite } from "../support/suite.ts";
import { defineFailures } from "./failures.ts";

const test = suite("upstream/failures-postgres");

if (hasPostgres(test)) {
  let server: PostgresServer;
  test.before(async () => {
    server = await PostgresServer.start();
  });
  test.after(() => server[Symbol.asyncDispose]());
  defineFailures(test, async () => openPostgresStore({ url: server.url(await server.newSchema()) }));
}

test.run();
