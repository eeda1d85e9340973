import { chmodSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { dirname } from "node:path";
import type { SealwireClient } from "../../src/client/client.ts";
import type { Logger } from "../../src/runtime/logger.ts";
import { eventually } from "../support/eventually.ts";
import { startServer } from "../support/running-server.ts";
import { assert, suite } from "../support/suite.ts";
import { type FaultCall, SERVICE, startFaultUpstream } from "./fault-upstream.ts";

/* Connections that fail without a word, sockets that others could replace, and what the log says about both. */
const test = suite("upstream/connections");

function recording(lines: string[]): Logger {
  const write = (fields: object, message: string) => void lines.push(JSON.stringify({ ...fields, message }));
  const logger: Logger = { debug() {}, info() {}, warn: write, error: write, child: () => logger };
  return logger;
}

function becomes(client: SealwireClient, expected: string): Promise<unknown> {
  return eventually(`health ${expected}`, async () => (await client.health(SERVICE)) === expected);
}

test("a connection that has gone silent is replaced, and its open calls may still end", async () => {
  const held: FaultCall[] = [];
  await using upstream = await startFaultUpstream((call) =>
    call.what === "long" ? held.push(call) : call.send("did"),
  );
  await using server = await startServer({ tools: [], upstreams: [upstream.options] });
  const client = server.client();
  await becomes(client, "SERVING");
  const { job } = await client.call("work", { what: "long" });
  await eventually("it runs", () => held.length === 1);
  upstream.freeze();
  await becomes(client, "NOT_SERVING");
  await becomes(client, "SERVING");
  await client.call("act", { what: "x" });
  upstream.thaw();
  held[0]?.send("done");
  assert.equal(await (await client.job(job?.jobId ?? "").result()).json(), { text: "done" });
  assert.is(held.length, 1);
});

test("a socket is used no more once others could replace it, and again when they cannot", async () => {
  const log: string[] = [];
  await using upstream = await startFaultUpstream((call) => call.send("did"));
  await using server = await startServer({ tools: [], upstreams: [upstream.options], logger: recording(log) });
  const client = server.client();
  const folder = dirname(String(upstream.options.address).slice("unix:".length));
  await becomes(client, "SERVING");
  chmodSync(folder, 0o770);
  await becomes(client, "NOT_SERVING");
  assert.match(log.join(), `other users can write to ${folder}, so chmod go-w it`);
  chmodSync(folder, 0o700);
  await becomes(client, "SERVING");
  log.length = 0;
  renameSync(folder, `${folder}.away`);
  symlinkSync(folder, folder);
  await becomes(client, "NOT_SERVING");
  assert.match(log.join(), `${folder} cannot be examined (ELOOP)`);
  rmSync(folder);
  renameSync(`${folder}.away`, folder);
  await becomes(client, "SERVING");
});

test("the log says why an upstream cannot be used", async () => {
  const log: string[] = [];
  await using upstream = await startFaultUpstream((call) => call.send("did"));
  const upstreams = [{ ...upstream.options, tls: { serverName: "fault.internal" } }];
  await using server = await startServer({ tools: [], upstreams, logger: recording(log) });
  await eventually("it is logged", () => log.some((line) => line.includes("the upstream does not serve")));
  assert.match(log.join(), "UNAVAILABLE: ");
  assert.is(await server.client().health(SERVICE), "NOT_SERVING");
});

test.run();
