import { SealwireClient } from "../../../src/client/client.ts";
import type { Logger } from "../../../src/runtime/logger.ts";
import { type CallRecord, callLog } from "../../../src/server/request/access-log.ts";
import { CALL_METHOD } from "../../../src/wire/limits.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { RawClient } from "../../support/raw-client.ts";
import { rejection } from "../../support/rejection.ts";
import { startServer } from "../../support/running-server.ts";
import { assert, suite } from "../../support/suite.ts";

const UNAUTHENTICATED = 16;

const test = suite("server/request/access-log");

function recordingLogger() {
  const lines: Record<string, unknown>[] = [];
  const add = (level: string) => (fields: object, msg: string) => void lines.push({ level, msg, ...fields });
  const logger: Logger = {
    debug() {},
    info: add("info"),
    warn: add("warn"),
    error: add("error"),
    child: () => logger,
  };
  return { logger, lines };
}

function make() {
  const clock = new FakeClock();
  const { logger, lines } = recordingLogger();
  const log = callLog(logger, clock);
  const refuse = (peer: string, fields: Partial<CallRecord> = {}) => {
    const blank = {
      tool: undefined,
      client: undefined,
      keyId: undefined,
      requestId: undefined,
      trace: undefined,
      exemplar: undefined,
      claimed: undefined,
    };
    const refused = { reason: "SIGNATURE_INVALID", cause: "mac" };
    log.callEnded({ method: CALL_METHOD, startedAtMs: 0, ...blank, ...refused, peer, ...fields }, UNAUTHENTICATED, 1);
  };
  return { clock, lines, log, refuse };
}

test("what strangers are refused has one line per address and second, with a count", () => {
  const { clock, lines, refuse } = make();
  for (let i = 0; i < 1000; i += 1) refuse(`192.0.2.1:${1000 + i}`);
  refuse("192.0.2.1:1", { cause: "unknown key" });
  refuse("[2001:db8::1]:5");
  assert.equal(
    lines.map(({ msg, peer }) => [msg, peer]),
    [
      ["call refused", "192.0.2.1:1000"],
      ["call refused", "[2001:db8::1]:5"],
    ],
  );
  clock.advance(1000);
  assert.equal(lines.slice(2), [
    {
      level: "warn",
      msg: "calls refused",
      audit: true,
      peer: "192.0.2.1",
      refused: 1000,
      causes: { mac: 999, "unknown key": 1 },
    },
  ]);
  refuse("192.0.2.1:7");
  clock.advance(1000);
  assert.is(lines[3]?.refused, 1);
  clock.advance(2000);
  refuse("192.0.2.1:8");
  assert.is(lines[4]?.msg, "call refused");
});

test("what strangers are refused names the keys that they claimed, up to eight a line", () => {
  const { clock, lines, refuse } = make();
  refuse("192.0.2.1:1", { claimed: { keyId: "k_1", clientId: "ann" } });
  assert.equal([lines[0]?.claimed_key_id, lines[0]?.claimed_client], ["k_1", "ann"]);
  refuse("192.0.2.1:2", { claimed: { keyId: "k_2", clientId: "bob" } });
  for (let i = 0; i < 100; i += 1) refuse("192.0.2.1:3", { claimed: { keyId: `junk_${i % 50}`, clientId: undefined } });
  clock.advance(1000);
  const claimed = lines[1]?.claimed_keys as object[];
  assert.equal([claimed[0], claimed.length], [{ key_id: "k_2", client: "bob" }, 8]);
  refuse("192.0.2.1:4");
  clock.advance(1000);
  assert.not("claimed_keys" in (lines[2] ?? {}));
});

test("the log of a server names the key that has expired, and whose it is", async () => {
  const { logger, lines } = recordingLogger();
  {
    await using server = await startServer({ logger, clients: { ann: { notAfterMs: Date.now() - 1 } } });
    const credentials = server.credentials("ann");
    await using client = new SealwireClient({ credentials, address: server.address });
    await rejection("CREDENTIALS_REFUSED", client.listTools());
    await rejection("CREDENTIALS_REFUSED", client.listTools());
    const [first] = lines.filter(({ msg }) => msg === "call refused");
    const { keyId } = credentials;
    assert.equal([first?.cause, first?.claimed_key_id, first?.claimed_client], ["key not in force", keyId, "ann"]);
    assert.equal([first?.key_id, first?.client], [undefined, undefined]);
  }
  const counted = lines.filter(({ msg }) => msg === "calls refused").flatMap((line) => line.claimed_keys as object[]);
  assert.match(JSON.stringify(counted), '"client":"ann"');
});

test("a refusal of somebody who is known has a line of its own", () => {
  const { lines, refuse } = make();
  for (let i = 0; i < 5; i += 1) refuse("192.0.2.1:1", { keyId: "key", reason: "REPLAYED", cause: undefined });
  assert.is(lines.length, 5);
});

test("beyond a thousand addresses the rest is counted together, and nothing is lost at the end", () => {
  const { lines, log, refuse } = make();
  for (let i = 0; i < 3000; i += 1) refuse(`peer-${i}:1`);
  assert.is(lines.length, 1000);
  log[Symbol.dispose]();
  assert.equal([lines.length, lines[1000]?.peer, lines[1000]?.refused], [1001, "others", 2000]);
});

test("a server that is sent junk counts it in one line", async () => {
  const { logger, lines } = recordingLogger();
  {
    await using server = await startServer({ logger });
    using client = new RawClient(server.address, server.credentials());
    const frame = { method: CALL_METHOD, frame: Buffer.alloc(43, 1), signature: new Uint8Array(32), requestId: "" };
    for (let i = 0; i < 100; i += 1) assert.is((await client.send(frame)).code, UNAUTHENTICATED);
  }
  const refusals = lines.filter(({ msg }) => msg === "call refused" || msg === "calls refused");
  assert.ok(refusals.length <= 10, `${refusals.length} lines`);
  assert.is(
    refusals.reduce((sum, { refused }) => sum + Number(refused ?? 1), 0),
    100,
  );
});

test.run();
