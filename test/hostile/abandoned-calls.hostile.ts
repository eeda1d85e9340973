import { connect, constants } from "node:http2";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { BatchSumResponse } from "../../gen/sealwire/demo/v1/batch_sum.ts";
import { CALL_METHOD } from "../../src/wire/limits.ts";
import { eventually } from "../support/eventually.ts";
import { framed, openCall } from "../support/http-call.ts";
import { RawClient, type RawRequest, signRaw } from "../support/raw-client.ts";
import { assert, suite } from "../support/suite.ts";
import { TEST_INPUT, testArgs } from "../support/test-service.ts";
import { whenOpen } from "./held-calls.ts";
import { HostileSite } from "./hostile-site.ts";
import { assertUnharmed } from "./measured.ts";
import { type Answers, flood } from "./one-client.ts";

const test = suite("hostile/abandoned-calls");
const SERVE = ["--tools", join(import.meta.dirname, "slow-tools.ts")];
const HARM = { growthMiB: 200, countLeast: 100 };

const request = (tool: string): RawRequest => ({ tool, type: TEST_INPUT, value: testArgs(1) });

test("callers who leave have no more handlers running than their key may have calls in flight", async () => {
  await using site = await HostileSite.start({ clients: ["mallory"], serve: SERVE });
  const { target } = site;
  const credentials = target.credentials("mallory");
  const measured = await site.measure("calls of a slow tool that are abandoned, 200 a second", async () => {
    const session = connect(`http://${target.address}`);
    let opened = 0;
    const calls = setInterval(() => {
      const call = openCall(session, CALL_METHOD);
      call.on("error", () => {});
      whenOpen(call, () => {
        opened += 1;
      });
      call.end(framed(signRaw(credentials, request("slow")).frame));
      setTimeout(() => call.close(constants.NGHTTP2_CANCEL), 50);
    }, 5);
    return {
      count: () => opened,
      end() {
        clearInterval(calls);
        session.destroy();
      },
    };
  });
  assertUnharmed(measured, HARM);
  using client = new RawClient(target.address, credentials);
  const answer = await eventually("there is room for a call", async () => {
    const { code, responses } = await client.call(request("most"));
    return code === 0 && responses[0]?.result;
  });
  const most = BatchSumResponse.decode(answer.value).total;
  console.log(`  handlers at once: ${most}`);
  // The limit of a key is 64. The attack came up to it.
  assert.ok(most > 50 && most <= 64, `${most} handlers at once`);
});

test("a tool that never returns is switched off, and nobody else notices", async () => {
  const limits = { callTimeoutMs: 300, cancelGraceMs: 300 };
  await using site = await HostileSite.start({ clients: ["mallory"], serve: SERVE, limits });
  let answers: Answers = {};
  const measured = await site.measure("calls of a tool that never returns", async (target) => {
    const credentials = target.credentials("mallory");
    const next = () => signRaw(credentials, request("deaf"));
    const begun = await flood(target, { connections: 1, atOnce: 8, next });
    answers = begun.answers;
    // The first calls are cut off and given up before the honest client is measured.
    await delay(1000);
    return begun;
  });
  assertUnharmed(measured, HARM);
  assert.ok((answers.UNAVAILABLE ?? 0) > 0);
  assert.ok((answers.DEADLINE_EXCEEDED ?? 0) <= 16, "no more than the calls of the first grace");
});

test("a flood that is refused for its rate takes little of the server, sent once or again", async () => {
  await using site = await HostileSite.start({ clients: ["mallory"] });
  let answers: Answers = {};
  const measured = await site.measure("calls far above the rate, each frame sent twice", async (target) => {
    const credentials = target.credentials("mallory");
    let last = signRaw(credentials, { tool: "server_identity", type: "sealwire.system.v1.ServerIdentityRequest" });
    const next = (index: number) => {
      if (index % 2 === 0) last = signRaw(credentials, { ...request("batch_sum"), value: testArgs(index) });
      return last;
    };
    const begun = await flood(target, { connections: 2, atOnce: 32, next });
    answers = begun.answers;
    return begun;
  });
  assertUnharmed(measured, HARM);
  assert.ok((answers.RATE_LIMITED ?? 0) > 100 && (answers.REPLAYED ?? 0) > 100);
});

test.run();
