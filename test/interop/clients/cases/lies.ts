import { rename } from "node:fs/promises";
import { join } from "node:path";
import { Metadata, status } from "@grpc/grpc-js";
import { ErrorInfo } from "../../../../gen/google/rpc/error_details.ts";
import { Status as RpcStatus } from "../../../../gen/google/rpc/status.ts";
import { BatchSumRequest } from "../../../../gen/sealwire/demo/v1/batch_sum.ts";
import { ListToolsRequest, ListToolsResponse } from "../../../../gen/sealwire/system/v1/list_tools.ts";
import { ServerIdentityResponse } from "../../../../gen/sealwire/system/v1/server_identity.ts";
import { JobState } from "../../../../gen/sealwire/v1/job.ts";
import { SealwireError } from "../../../../src/errors.ts";
import { type ClientCredentials, writeCredentials } from "../../../../src/signing/key-ring/credentials.ts";
import { jobFrame } from "../../../client/peers/jobs.ts";
import { sumResult } from "../../../client/peers/numbers.ts";
import {
  type Failure,
  ok,
  type Received,
  refuse,
  startPeer,
  type UnaryReply,
  unsigned,
} from "../../../client/peers/signed-peer.ts";
import { startServer } from "../../../support/running-server.ts";
import { assert } from "../../../support/suite.ts";
import type { AgentProcess, Answer } from "../agent-process.ts";
import { BATCH_SUM, type ClientCase, call, checkSum, START_LONG_TASK, verdict, withChannel } from "../client-case.ts";

const DETAILS = "grpc-status-details-bin";
const ROTATIONS = 6;
const TYPE = "type.googleapis.com/";

interface Occasion {
  readonly credentials: ClientCredentials;
  readonly received: Received;
  /** The request of the first BatchSum. */
  readonly first: Received;
}

/** What becomes of an honest answer. */
type Lie<Honest> = (honest: Honest, occasion: Occasion) => UnaryReply;

const ANSWERS: Readonly<Record<string, Lie<Buffer>>> = {
  "an answer with one bit flipped": (answer) => flipped(answer),
};

/** What is signed for this request, and is another tool's result. */
const OTHER_RESULT: Lie<Buffer> = (_answer, { credentials, received }) =>
  ok(credentials, received, identityOf(credentials));

/** What was true of the first call. */
const REPLAY: Lie<Buffer> = (_answer, { credentials, first }) => ok(credentials, first, sumResult);

const REFUSALS: Readonly<Record<string, Lie<Failure>>> = {
  "a refusal whose signed frame has one bit flipped": (refusal) =>
    changed(refusal, ({ details: [frame] }) => frame && Object.assign(frame, { value: flipped(frame.value) })),
  "a refusal of another attempt": (_refusal, { credentials, first }) => refuse(credentials, first, invalid()),
  "a refusal with another reason in its details": (refusal) =>
    changed(refusal, ({ details }) => {
      const info = details.find(({ typeUrl }) => typeUrl === `${TYPE}google.rpc.ErrorInfo`);
      const value = ErrorInfo.encode({ reason: "DRAINING", domain: "sealwire", metadata: {} }).finish();
      Object.assign(info ?? {}, { value });
    }),
};

/** Some gRPC libraries make an unsigned INTERNAL of these by themselves, which is tried again. */
const CONTRADICTIONS: Readonly<Record<string, Lie<Failure>>> = {
  "a refusal with another gRPC status": (refusal) => ({ ...refusal, code: status.UNAVAILABLE }),
  "a refusal with another code in its details": (refusal) =>
    changed(refusal, (told) => Object.assign(told, { code: status.UNAVAILABLE })),
};

/** A peer that has the response key and lies. */
export const lieCases: readonly ClientCase[] = [
  {
    name: "what is not signed for its request is DATA_LOSS with a type of its own, and not tried again",
    async run({ agent, folder }) {
      for (const [name, answer] of Object.entries(ANSWERS)) {
        const { told, calls } = await sumAt(agent, folder, { answer });
        assert.equal([told.status, told.unverified, told.response], ["DATA_LOSS", true, undefined], name);
        assert.is(calls, 2, name);
      }
      const other = await sumAt(agent, folder, { answer: OTHER_RESULT });
      assert.match(String(other.told.status), /^(?:DATA_LOSS|INTERNAL)$/);
      assert.equal([other.told.response, other.calls], [undefined, 2]);
      for (const [name, refusal] of Object.entries(REFUSALS)) {
        const { told, calls } = await sumAt(agent, folder, { refusal });
        assert.equal([told.status, told.unverified, told.error], ["DATA_LOSS", true, undefined], name);
        assert.is(calls, 2, name);
      }
      for (const [name, refusal] of Object.entries(CONTRADICTIONS)) {
        const { told } = await sumAt(agent, folder, { refusal });
        assert.is(told.error, undefined, name);
        assert.is.not(told.status, "OK", name);
      }
    },
  },
  {
    name: "an answer that is played again is not believed",
    async run({ agent, folder }) {
      const { told, calls } = await sumAt(agent, folder, { answer: REPLAY });
      assert.equal([told.status, told.unverified, calls], ["DATA_LOSS", true, 2]);
    },
  },
  {
    name: "a call that was refused on its way may have begun, whatever its retry with a new key is told",
    async run({ agent, folder }) {
      const tools = await realTools();
      const path = join(folder, "renewed.json");
      let calls = 0;
      await using peer = await startPeer({
        async call(received) {
          const { tool, args } = received.envelope;
          if (tool === "list_tools") return ok(peer.credentials, received, toolsOf(tools, args?.value));
          calls += 1;
          if (calls > 1) return refuse(next, received, new SealwireError("TOOL_FORBIDDEN"));
          await replaceFile(path, next);
          return unsigned(new SealwireError("SIGNATURE_INVALID"));
        },
      });
      const next = { ...peer.credentials, keyId: "key-2" };
      await writeCredentials(path, peer.credentials);
      await withChannel(agent, { credentials: path }, async (channel) => {
        const { status: told, message } = await call(agent, START_LONG_TASK, { seconds: 1 }, { channel });
        assert.equal([told, calls], ["UNKNOWN", 2], message);
      });
    },
  },
  {
    name: "a watch that sees heartbeats only goes on over any number of new keys",
    async run({ agent, folder }) {
      const tools = await realTools();
      const path = join(folder, "rotated.json");
      const keyOf = (number: number): ClientCredentials => ({ ...peer.credentials, keyId: `key-${number}` });
      await using peer = await startPeer({
        // Some clients fetch the contract before a watch.
        call: (received) => ok(peer.credentials, received, toolsOf(tools, received.envelope.args?.value)),
        async watch(received, reply, number) {
          const state = number <= ROTATIONS ? JobState.RUNNING : JobState.SUCCEEDED;
          const revision = number <= ROTATIONS ? 2n : 3n;
          reply.send(jobFrame(keyOf(number), received, { state, revision }, { sequence: 1 }));
          if (number > ROTATIONS) return reply.end();
          await replaceFile(path, keyOf(number + 1));
          return reply.fail(unsigned(new SealwireError("SIGNATURE_INVALID")));
        },
      });
      await writeCredentials(path, keyOf(1));
      await withChannel(agent, { credentials: path }, async (channel) => {
        const watch = agent.begin("watch", { channel, jobId: "job-1", afterRevision: 0 });
        assert.match(String((await watch.answer).state), /SUCCEEDED$/);
        assert.is(peer.watches.length, ROTATIONS + 1);
      });
    },
  },
  {
    name: "an unsigned refusal is not taken for the server's, a signed one is",
    async run({ agent, folder }) {
      const honest = await sumAt(agent, folder, { refusal: (refusal) => refusal });
      assert.is(verdict(honest.told), "INVALID_ARGUMENT ARGS_INVALID");
      const unsigned = await sumAt(agent, folder, {
        refusal: (refusal) => changed(refusal, (told) => told.details.splice(0, 1)),
      });
      assert.is(unsigned.told.error, undefined);
      assert.is.not(unsigned.told.status, "OK");
    },
  },
];

/**
 * Calls BatchSum twice at a peer that lies about its second answer. Where it lies about a refusal, the second call has bad
 * arguments. Gives the second answer, and how many BatchSums the peer received.
 */
async function sumAt(
  agent: AgentProcess,
  folder: string,
  { answer, refusal = (given) => given }: { answer?: Lie<Buffer>; refusal?: Lie<Failure> },
): Promise<{ readonly told: Answer; readonly calls: number }> {
  const tools = await realTools();
  let first: Received | undefined;
  let calls = 0;
  await using peer = await startPeer({
    call(received) {
      const { credentials } = peer;
      const { tool, args } = received.envelope;
      if (tool === "list_tools") return ok(credentials, received, toolsOf(tools, args?.value));
      if (tool !== "batch_sum") return { code: status.UNIMPLEMENTED, details: "not in this test" };
      calls += 1;
      first ??= received;
      const occasion = { credentials, received, first };
      const { numbers } = BatchSumRequest.decode(args?.value ?? new Uint8Array());
      if (!numbers.every(Number.isFinite)) return refusal(refuse(credentials, received, invalid()), occasion);
      const honest = ok(credentials, received, sumResult);
      return answer !== undefined && calls > 1 ? answer(honest, occasion) : honest;
    },
  });
  const credentials = join(folder, `peer-${Math.random()}.json`);
  await writeCredentials(credentials, peer.credentials);
  let told: Answer = {};
  await withChannel(agent, { credentials }, async (channel) => {
    await checkSum(agent, { channel });
    const numbers = answer === undefined ? [1, "NaN"] : [1, 2, 3.5];
    told = await call(agent, BATCH_SUM, { numbers }, { channel });
  });
  return { told, calls };
}

/** Replaces a credentials file at once, as `keys rotate --out` does. */
async function replaceFile(path: string, credentials: ClientCredentials): Promise<void> {
  await writeCredentials(`${path}.next`, credentials);
  await rename(`${path}.next`, path);
}

let tools: Promise<ListToolsResponse> | undefined;

/** The demo tools as a real server lists them. */
function realTools(): Promise<ListToolsResponse> {
  const list = async () => {
    await using server = await startServer();
    return await server.client().listTools({ includeDescriptors: true });
  };
  tools ??= list();
  return tools;
}

function toolsOf(all: ListToolsResponse, args: Uint8Array = new Uint8Array()) {
  const { includeDescriptors } = ListToolsRequest.decode(args);
  const answer = includeDescriptors ? all : { ...all, descriptorSet: new Uint8Array() };
  return {
    typeUrl: `${TYPE}sealwire.system.v1.ListToolsResponse`,
    value: ListToolsResponse.encode(answer).finish(),
  };
}

function invalid(): SealwireError {
  const violations = [{ field: "numbers[1]", ruleId: "double.finite", message: "must be finite" }];
  return new SealwireError("ARGS_INVALID", "The arguments are not valid.", { violations });
}

function identityOf({ serverId, serverFingerprint }: ClientCredentials) {
  const value = { serverId, fingerprint: serverFingerprint, capabilities: undefined, version: "" };
  return {
    typeUrl: `${TYPE}sealwire.system.v1.ServerIdentityResponse`,
    value: ServerIdentityResponse.encode(value).finish(),
  };
}

function flipped(bytes: Uint8Array): Buffer {
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
