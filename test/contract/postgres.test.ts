// test-limit-ms: 400000
import { hasPostgres, PostgresServer } from "../support/postgres-server.ts";
import { assert, suite } from "../support/suite.ts";
import { postgresUnderTest } from "./postgres-under-test.ts";
import { storeContract } from "./store-contract.ts";

let server: PostgresServer;

const first = suite("contract/postgres/start");
const available = hasPostgres(first);
if (available) {
  first("a PostgreSQL server starts", async () => {
    server = await PostgresServer.start();
    assert.ok(server.port > 0);
  });
}
first.run();

if (available) {
  storeContract(postgresUnderTest(() => server));
  const last = suite("contract/postgres/end");
  last("the server ends", () => server[Symbol.asyncDispose]());
  last.run();
}
