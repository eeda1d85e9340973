import { SealwireClient } from "../../src/client/client.ts";
import { assert, suite } from "../support/suite.ts";
import { ledgerImage } from "./ledger-tools.ts";
import { startReplicas } from "./replica-servers.ts";

const test = suite("e2e/silent-replica");

test("calls and watches at a server that vanishes without a word move to another within their time", async () => {
  const finish = Promise.withResolvers<undefined>();
  await using servers = await startReplicas({ closeYear: () => finish.promise });
  await using client = new SealwireClient({
    credentials: servers.first.credentials(),
    address: servers.addresses,
    descriptors: ledgerImage,
    healthIntervalMs: 500,
  });
  const { job } = await client.call("close_year", { cents: 1 });
  const [vanishing] = servers.replicas;
  const watches = Array.from({ length: 6 }, () => client.job(job?.jobId ?? "").result());
  for (let call = 0; call < 12; call += 1) await client.call("check_entry", { cents: call });
  vanishing?.link.hold();
  // Sent at once, before any health check can tell: a third of them goes to the server that is gone.
  const calls = await Promise.all(Array.from({ length: 30 }, () => client.call("check_entry", { cents: 2 })));
  assert.ok(calls.every(({ ok }) => ok));
  finish.resolve(undefined);
  await Promise.all(watches);
});

test.run();
