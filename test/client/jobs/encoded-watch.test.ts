import { WatchJobRequest } from "../../../gen/sealwire/system/v1/watch_job.ts";
import { SealwireClient } from "../../../src/client/client.ts";
import { assert, suite } from "../../support/suite.ts";
import { startPeer } from "../peers/signed-peer.ts";

/* Watches by an encoded request, as native callers open them. */
const test = suite("client/jobs/encoded-watch");

const TYPE = "type.googleapis.com/sealwire.system.v1.WatchJobRequest";

/** The interval of heartbeats that a client asks a server for, whose caller names `requestedMs`. */
async function askedFor(requestedMs: number, heartbeatIntervalMs: number): Promise<number | undefined> {
  await using peer = await startPeer({ watch: (_received, reply) => reply.end() });
  await using client = new SealwireClient({ credentials: peer.credentials, heartbeatIntervalMs, resumeForMs: 0 });
  const value = WatchJobRequest.encode({ jobId: "j", afterRevision: 0n, heartbeatIntervalMs: requestedMs }).finish();
  const watch = client.watchEncoded({ tool: "watch_job", args: { typeUrl: TYPE, value } });
  await watch.next().catch(() => {});
  const sent = peer.watches[0]?.envelope.args;
  return sent && WatchJobRequest.decode(sent.value).heartbeatIntervalMs;
}

test("a request is sent as it is, unless its heartbeats are too rare for the client", async () => {
  assert.is(await askedFor(500, 1000), 500);
  assert.is(await askedFor(0, 15_000), 0);
  assert.is(await askedFor(5000, 1000), 1000);
});

test("a request that names no interval stands for 15 seconds", async () => {
  assert.is(await askedFor(0, 1000), 1000);
});

test.run();
