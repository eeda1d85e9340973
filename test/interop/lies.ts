import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Metadata, status } from "@grpc/grpc-js";
import { ErrorInfo } from "../../gen/google/rpc/error_details.ts";
import { Status as RpcStatus } from "../../gen/google/rpc/status.ts";
import { BatchSumRequest } from "../../gen/sealwire/demo/v1/batch_sum.ts";
import { ServerIdentityResponse } from "../../gen/sealwire/system/v1/server_identity.ts";
import { SealwireError } from "../../src/errors.ts";
import { type ClientCredentials, writeCredentials } from "../../src/signing/key-ring/credentials.ts";
import { sumResult } from "../client/peers/numbers.ts";
import { type Failure, ok, type Received, refuse, startPeer, type UnaryReply } from "../client/peers/signed-peer.ts";
import { assert, type Suite } from "../support/suite.ts";
import type { ClientSession } from "./client-suite.ts";

const DETAILS = "grpc-status-details-bin";
const TYPE = "type.googleapis.com/";
/** So often the examples try. */
const ATTEMPTS = 5;
const IDENTIFIED = "server test-server, fingerprint as in the credentials\n";
const SUMMED = `${IDENTIFIED}3 numbers, 6.5 in all\n`;

interface Occasion {
  readonly credentials: ClientCredentials;
  readonly received: Received;
  /** The request of the first call. */
  readonly first: Received;
}

/** What becomes of an honest answer. */
type Lie<Answer> = (answer: Answer, occasion: Occasion) => UnaryReply;

const ANSWERS: Readonly<Record<string, Lie<Buffer>>> = {
  "an answer with one bit flipped": (answer) => flipped(answer),
  "an answer to another request": (_answer, { credentials, first }) => ok(credentials, first, sumResult),
  "another tool's result": (_answer, { credentials, received }) => ok(credentials, received, identity(credentials)),
};

const REFUSALS: Readonly<Record<string, Lie<Failure>>> = {
  "a refusal without its signed frame": (refusal) => changed(refusal, (told) => told.details.splice(0, 1)),
  "a refusal whose signed frame has one bit flipped": (refusal) =>
    changed(
      refusal,
      ({ details: [frame] }) => frame && Object.assign(frame, { value: flipped(Buffer.from(frame.value)) }),
    ),
  "a refusal of another request": (_refusal, { credentials, first }) => refuse(credentials, first, invalid()),
  "a refusal with another reason in its details": (refusal) =>
    changed(refusal, ({ details }) => {
      const info = details.find(({ typeUrl }) => typeUrl === `${TYPE}google.rpc.ErrorInfo`);
      const value = ErrorInfo.encode({ reason: "DRAINING", domain: "sealwire", metadata: {} }).finish();
      Object.assign(info ?? {}, { value });
    }),
};

const CONTRADICTIONS: Readonly<Record<string, Lie<Failure>>> = {
  "a refusal with another gRPC status": (refusal) => ({ ...refusal, code: status.UNAVAILABLE }),
  "a refusal with another code in its details": (refusal) =>
    changed(refusal, (told) => Object.assign(told, { code: status.UNAVAILABLE })),
};

/** What a language's gRPC library does of its own. */
interface Library {
  /** It makes an unsigned INTERNAL of a status that contradicts its details, and that is tried again. */
  readonly hidesContradictions?: true;
}

/** Adds tests that the example believes nothing but what is signed for its request, and gives up at the first lie. */
export function testLies(test: Suite, session: () => ClientSession, { hidesContradictions }: Library = {}): void {
  test("a signed refusal is believed", async () => {
    const { stdout } = await runAgainst(session(), { refusal: (refusal) => refusal });
    assert.is(stdout, `${SUMMED}refused: ARGS_INVALID\n  numbers[1]: double.finite\n`);
  });
  for (const [name, answer] of Object.entries(ANSWERS)) {
    test(`${name} is not believed`, async () => {
      assert.equal(await runAgainst(session(), { answer }), { stdout: IDENTIFIED, calls: 2 });
    });
  }
  for (const [name, refusal] of Object.entries({ ...REFUSALS, ...CONTRADICTIONS })) {
    const calls = hidesContradictions && name in CONTRADICTIONS ? 2 + ATTEMPTS : 3;
    test(`${name} is not believed`, async () => {
      assert.equal(await runAgainst(session(), { refusal }), { stdout: SUMMED, calls });
    });
  }
}

/** Runs the example, which must fail, against a peer that lies about its second or third call; gives what it printed. */
async function runAgainst(
  { example }: ClientSession,
  { answer = (given) => given, refusal = (given) => given }: { answer?: Lie<Buffer>; refusal?: Lie<Failure> },
): Promise<{ stdout: string; calls: number }> {
  const folder = await mkdtemp(join(tmpdir(), "sealwire-lies-"));
  let first: Received | undefined;
  await using peer = await startPeer({
    call(received) {
      const { credentials } = peer;
      first ??= received;
      const { tool, args } = received.envelope;
      if (tool === "server_identity") return ok(credentials, received, identity(credentials));
      if (tool !== "batch_sum") return { code: status.UNIMPLEMENTED, details: "not in this test" };
      const occasion = { credentials, received, first };
      const { numbers } = BatchSumRequest.decode(args?.value ?? new Uint8Array());
      if (numbers.every(Number.isFinite)) return answer(ok(credentials, received, sumResult), occasion);
      return refusal(refuse(credentials, received, invalid()), occasion);
    },
  });
  try {
    const path = join(folder, "client.json");
    await writeCredentials(path, peer.credentials);
    const { code, stdout, stderr } = await example(path);
    assert.is.not(code, 0, stdout + stderr);
    return { stdout, calls: peer.calls.length };
  } finally {
    await rm(folder, { recursive: true });
  }
}

function invalid(): SealwireError {
  const violations = [{ field: "numbers[1]", ruleId: "double.finite", message: "must be finite" }];
  return new SealwireError("ARGS_INVALID", "The arguments are not valid.", { violations });
}

function identity({ serverId, serverFingerprint }: ClientCredentials) {
  const value = { serverId, fingerprint: serverFingerprint, capabilities: undefined, version: "" };
  return {
    typeUrl: `${TYPE}sealwire.system.v1.ServerIdentityResponse`,
    value: ServerIdentityResponse.encode(value).finish(),
  };
}

function flipped(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  const middle = copy.length >> 1;
  copy.writeUInt8(copy.readUInt8(middle) ^ 1, middle);
  return copy;
}

function changed(refusal: Failure, change: (told: RpcStatus) => unknown): Failure {
  const told = RpcStatus.decode(refusal.metadata?.get(DETAILS)[0] as Buffer);
  change(told);
  const metadata = new Metadata();
  metadata.set(DETAILS, Buffer.from(RpcStatus.encode(told).finish()));
  return { ...refusal, metadata };
}
