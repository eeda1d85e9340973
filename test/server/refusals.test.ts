import { Metadata } from "@grpc/grpc-js";
import { BatchSumRequest, BatchSumResponse } from "../../gen/sealwire/demo/v1/batch_sum.ts";
import { PollJobRequest } from "../../gen/sealwire/system/v1/poll_job.ts";
import { SystemToolServiceService } from "../../gen/sealwire/system/v1/system_tool_service.ts";
import { ErrorReason } from "../../gen/sealwire/v1/error.ts";
import { Status } from "../../gen/sealwire/v1/response.ts";
import { RawClient, type RawRequest, signRaw } from "../support/raw-client.ts";
import { removeClient, startServer, type TestServer } from "../support/running-server.ts";
import { assert, suite } from "../support/suite.ts";

const UNAUTHENTICATED = 16;
const IDENTITY: RawRequest = { tool: "server_identity", type: "sealwire.system.v1.ServerIdentityRequest" };
const SUM: RawRequest = {
  tool: "batch_sum",
  type: "sealwire.demo.v1.BatchSumRequest",
  value: BatchSumRequest.encode({ numbers: [1, 2, 3.5] }).finish(),
};

const test = suite("server/refusals");

let server: TestServer;
let client: RawClient;

test.before(async () => {
  server = await startServer({ clients: { alice: {}, bob: { tools: ["start_*"] } } });
  client = new RawClient(server.address, server.credentials("alice"));
});

test.after(async () => {
  client[Symbol.dispose]();
  await server[Symbol.asyncDispose]();
});

test("a job id that no server gives out is refused by its rule", async () => {
  const value = PollJobRequest.encode(PollJobRequest.fromPartial({ jobId: "a\0b" })).finish();
  const type = "sealwire.system.v1.PollJobRequest";
  const { reason, responses } = await client.call({ tool: "poll_job", type, value });
  assert.is(reason, "ARGS_INVALID");
  assert.is(responses[0]?.error?.violations[0]?.field, "job_id");
});

test("a signed call is answered with a signed result", async () => {
  const { code, responses } = await client.call(SUM);
  assert.is(code, 0);
  assert.is(responses[0]?.status, Status.OK);
  const { count, total } = BatchSumResponse.decode(responses[0]?.result?.value ?? new Uint8Array());
  assert.equal({ count, total }, { count: 3, total: 6.5 });
});

test("whatever keeps a frame from being authenticated, the answer is one and unsigned", async () => {
  const good = signRaw(server.credentials("alice"), IDENTITY);
  const flipped = Buffer.from(good.frame);
  flipped[flipped.length - 1] = (flipped.at(-1) as number) ^ 1;
  const answers = [];
  for (const frame of [flipped, Buffer.from("garbage"), Buffer.alloc(0), good.frame.subarray(0, 20)]) {
    answers.push(await client.send({ ...good, frame }));
  }
  const stranger = { ...server.credentials("alice"), keyId: "k_unknown" };
  answers.push(await client.send(signRaw(stranger, IDENTITY)));
  for (const answer of answers) {
    assert.is(answer.code, UNAUTHENTICATED);
    assert.is(answer.details, answers[0]?.details);
    assert.is(answer.reason, "SIGNATURE_INVALID");
    assert.is(answer.responses.length, 0);
  }
});

test("a frame signed for another RPC is not authenticated", async () => {
  const watch = signRaw(server.credentials("alice"), { ...IDENTITY, method: "/sealwire.v1.ToolService/WatchJob" });
  const answer = await client.send({ ...watch, method: "/sealwire.v1.ToolService/Call" });
  assert.is(answer.reason, "SIGNATURE_INVALID");
});

test("a frame is accepted once, also by a server that took over the store", async () => {
  const frame = signRaw(server.credentials("alice"), IDENTITY);
  assert.is((await client.send(frame)).code, 0);
  const again = await client.send(frame);
  assert.is(again.reason, "REPLAYED");
  assert.is(again.responses[0]?.error?.reason, ErrorReason.REPLAYED);
});

const WRONG: [string, Partial<RawRequest>, string][] = [
  ["older than five minutes", { tsMs: Date.now() - 310_000 }, "CLOCK_SKEW"],
  ["stamped more than a minute ahead", { tsMs: Date.now() + 120_000 }, "CLOCK_SKEW"],
  ["meant for another server", { serverId: "another" }, "AUDIENCE_MISMATCH"],
  ["in another client's name", { clientId: "bob" }, "CLIENT_MISMATCH"],
  [
    "for a tool that is called through WatchJob",
    { tool: "watch_job", type: "sealwire.system.v1.WatchJobRequest" },
    "TOOL_RPC_MISMATCH",
  ],
  ["with arguments of another type", { type: "sealwire.demo.v1.BatchSumRequest" }, "ARGS_INVALID"],
  ["with an unknown field in its arguments", { value: Buffer.from([0x48, 1]) }, "ARGS_INVALID"],
];

for (const [what, change, reason] of WRONG) {
  test(`a request ${what} is refused with ${reason}, signed`, async () => {
    const answer = await client.call({ ...IDENTITY, ...change });
    assert.is(answer.reason, reason);
    assert.is(answer.responses[0]?.ok, false);
    assert.is(answer.responses[0]?.error?.reason, ErrorReason[reason as keyof typeof ErrorReason]);
  });
}

test("a forbidden tool and an unknown one are answered alike", async () => {
  using bob = new RawClient(server.address, server.credentials("bob"));
  const forbidden = await bob.call(SUM);
  const unknown = await bob.call({ ...SUM, tool: "no_such_tool" });
  assert.is(forbidden.reason, "TOOL_FORBIDDEN");
  assert.is(forbidden.details.replace("batch_sum", "?"), unknown.details.replace("no_such_tool", "?"));
  assert.is((await bob.call(IDENTITY)).code, 0, "system tools need no permission");
});

test("ten thousand bad numbers are answered with sixteen violations and a count of the rest", async () => {
  const value = BatchSumRequest.encode({ numbers: new Array(10_000).fill(Number.NaN) }).finish();
  const { code, responses } = await client.call({ ...SUM, value });
  assert.is(code, 3);
  const error = responses[0]?.error;
  assert.is(error?.violations.length, 16);
  assert.is(error?.violationsOmitted, 10_000 - 16);
  assert.is(error?.violations[0]?.field, "numbers[0]");
});

test("a tool called natively is told where tools are called", async () => {
  const { path } = SystemToolServiceService.pollJob;
  const frame = { ...signRaw(server.credentials("alice"), IDENTITY), method: path };
  const answer = await client.send({
    ...frame,
    frame: Buffer.from(PollJobRequest.encode(PollJobRequest.create()).finish()),
  });
  assert.is(answer.code, 12);
  assert.match(answer.details, "/sealwire.v1.ToolService/Call");
});

test("metadata beyond 16 KiB is refused", async () => {
  const metadata = new Metadata();
  for (const key of ["a", "b", "c"]) metadata.set(key, "x".repeat(6000));
  const answer = await client.call(IDENTITY, metadata);
  assert.is(answer.code, 8);
  assert.match(answer.details, "metadata");
});

test("who pastes a command again or with the wrong key is told which command makes another", async () => {
  const sent = signRaw(server.credentials("alice"), IDENTITY);
  assert.is((await client.send(sent)).code, 0);
  const [again, unsigned] = [await client.send(sent), await client.send({ ...sent, frame: junkOf(sent.frame) })];
  assert.equal([again.reason, unsigned.reason], ["REPLAYED", "SIGNATURE_INVALID"]);
  for (const { details } of [again, unsigned]) assert.match(details, "`sealwire sign` makes");
});

test("a message beyond 1 MiB is refused", async () => {
  const { frame, ...signed } = signRaw(server.credentials("alice"), SUM);
  const answer = await client.send({ ...signed, frame: Buffer.concat([frame, Buffer.alloc(1024 * 1024)]) });
  assert.is(answer.code, 8);
});

test("a key that leaves the ring no longer opens anything", async () => {
  await using other = await startServer();
  using caller = new RawClient(other.address, other.credentials());
  assert.is((await caller.call(IDENTITY)).code, 0);
  removeClient(other, "alice");
  assert.is((await caller.call(IDENTITY)).reason, "SIGNATURE_INVALID");
});

test("a request from the future spends its nonce, so that it cannot be replayed when its time has come", async () => {
  const ahead = signRaw(server.credentials("alice"), { ...IDENTITY, tsMs: Date.now() + 90_000 });
  assert.is((await client.send(ahead)).reason, "CLOCK_SKEW");
  await using later = await startServer({ store: server.store, limits: { maxAheadMs: 600_000 }, work: false });
  later.keyRing.replace(server.keyRing.document);
  using other = new RawClient(later.address, server.credentials("alice"));
  assert.is((await other.send(ahead)).reason, "REPLAYED");
});

/** The frame with another signature. */
function junkOf(frame: Buffer): Buffer {
  return Buffer.concat([frame.subarray(0, -1), Buffer.of((frame.at(-1) ?? 0) ^ 1)]);
}

test.run();
