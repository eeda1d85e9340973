// test-limit-ms: 600000
import { fromJson, type JsonValue, toBinary } from "@bufbuild/protobuf";
import { Client, credentials as channelCredentials, status } from "@grpc/grpc-js";
import fc from "fast-check";
import type { Logger } from "../../src/runtime/logger.ts";
import { canonicalize } from "../../src/signing/canonical.ts";
import type { ClientCredentials } from "../../src/signing/key-ring/credentials.ts";
import { requestSignature } from "../../src/signing/request/signature.ts";
import { readFrame, writeFrame } from "../../src/wire/frame.ts";
import { CALL_METHOD, WATCH_JOB_METHOD } from "../../src/wire/limits.ts";
import { readStatusDetails } from "../../src/wire/status.ts";
import { type RawRequest, signRaw } from "../support/raw-client.ts";
import { startServer, type TestServer } from "../support/running-server.ts";
import { assert, suite } from "../support/suite.ts";
import { entryDesc, ledgerDescriptors, ledgerTools } from "./ledger-tools.ts";

const test = suite("e2e/damaged-frames");

/** How many random and mutated frames are sent; the acceptance run sends 100,000. */
const FRAMES = Number(process.env.SEALWIRE_TEST_FRAMES ?? 3_000);
const IN_FLIGHT = 64;

let server: TestServer;
let channel: Client;
const errors: unknown[] = [];

test.before(async () => {
  server = await startServer({
    tools: [ledgerTools()],
    descriptors: [ledgerDescriptors],
    logger: collectErrors(),
    // Every damaged frame gets its second try in canonical form, which only adds to what might be accepted.
    limits: { canonicalRetriesPerSecond: 1_000_000 },
  });
  channel = new Client(server.address, channelCredentials.createInsecure(), { "grpc.enable_retries": 0 });
});

test.after(async () => {
  channel.close();
  await server[Symbol.asyncDispose]();
});

function collectErrors(): Logger {
  const logger: Logger = {
    debug() {},
    info() {},
    warn() {},
    error: (fields, message) => void errors.push({ ...fields, message }),
    child: () => logger,
  };
  return logger;
}

/** What a peer can see of a refusal. */
interface Refusal {
  readonly code: number;
  readonly details: string;
  readonly reason: string | undefined;
  readonly signed: boolean;
}

const sameBytes = (bytes: Buffer): Buffer => bytes;

/** Sends bytes as one request; a stream is ended at its first message. `undefined`: it was accepted. */
function send(frame: Uint8Array, method: string = CALL_METHOD): Promise<Refusal | undefined> {
  return new Promise((resolve) => {
    const stream = channel.makeServerStreamRequest(method, sameBytes, sameBytes, Buffer.from(frame));
    stream.on("data", () => {
      resolve(undefined);
      stream.cancel();
    });
    stream.on("end", () => {});
    stream.on("error", (error: Error & { code: number; details: string; metadata: never }) => {
      const details = readStatusDetails(error.metadata);
      resolve({
        code: error.code,
        details: error.details,
        reason: details?.reason,
        signed: details?.frame !== undefined,
      });
    });
  });
}

/** Runs `job` for each item, some at a time. */
async function forEach<T>(items: Iterable<T>, job: (item: T) => Promise<void>): Promise<void> {
  const iterator = items[Symbol.iterator]();
  const worker = async (): Promise<void> => {
    for (let next = iterator.next(); !next.done; next = iterator.next()) await job(next.value);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
}

/** A bool, a negative int32, a map and a Struct: what a lenient parser or another encoder would let through changed. */
const ENTRY: JsonValue = {
  settled: true,
  cents: -250,
  tags: { b: 2, a: -1, "": 0, é: 3 },
  note: { list: [1, null, { deep: -0.5 }], yes: true, text: "😀" },
};

function request(args: Uint8Array): RawRequest {
  return { tool: "check_entry", type: entryDesc.typeName, value: args };
}

const asEncoded = toBinary(entryDesc, fromJson(entryDesc, ENTRY));

for (const [form, args] of [
  ["canonical", canonicalize(asEncoded, entryDesc)],
  ["as encoded", asEncoded],
] as const) {
  test(`each single flipped bit of a frame, its arguments ${form}, is refused alike`, async () => {
    const { frame } = signRaw(server.credentials(), request(args));
    const seen = new Set<string>();
    await forEach(bitsOf(frame), async (bit) => {
      const refusal = await send(flipped(frame, bit));
      assert.ok(refusal, `bit ${bit} was not missed`);
      seen.add(JSON.stringify(refusal));
    });
    assert.equal(
      [...seen]
        .map((text) => JSON.parse(text) as Refusal)
        .map(({ code, reason, signed }) => ({ code, reason, signed })),
      [{ code: status.UNAUTHENTICATED, reason: "SIGNATURE_INVALID", signed: false }],
    );
    assert.is(await send(frame), undefined, "the whole frame is accepted afterwards");
  });
}

function bitsOf(frame: Uint8Array): Iterable<number> {
  return Array.from({ length: frame.length * 8 }, (_, bit) => bit);
}

function flipped(frame: Uint8Array, bit: number): Uint8Array {
  const copy = Uint8Array.from(frame);
  copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return copy;
}

/** Ways to spoil bytes: cut, repeat, swap, overwrite, insert. */
const mutation = fc.oneof(
  fc.record({
    kind: fc.constant("cut" as const),
    at: fc.nat(),
    length: fc.nat(40),
    bytes: fc.constant(new Uint8Array()),
  }),
  fc.record({
    kind: fc.constant("copy" as const),
    at: fc.nat(),
    length: fc.nat(60),
    bytes: fc.constant(new Uint8Array()),
  }),
  fc.record({
    kind: fc.constant("write" as const),
    at: fc.nat(),
    length: fc.nat(8),
    bytes: fc.uint8Array({ maxLength: 12 }),
  }),
);

type Mutation = typeof mutation extends fc.Arbitrary<infer T> ? T : never;

function mutate(bytes: Uint8Array, { kind, at, length, bytes: inserted }: Mutation): Uint8Array {
  const start = bytes.length === 0 ? 0 : at % (bytes.length + 1);
  const end = Math.min(bytes.length, start + length);
  const middle =
    kind === "cut" ? [] : kind === "copy" ? [...bytes.subarray(start, end), ...bytes.subarray(start, end)] : inserted;
  return Uint8Array.from([...bytes.subarray(0, start), ...middle, ...bytes.subarray(end)]);
}

const mutations = fc.array(mutation, { minLength: 1, maxLength: 4 });
const spoil = (bytes: Uint8Array, list: readonly Mutation[]): Uint8Array => list.reduce(mutate, bytes);

/** What a frame is made of: noise, a spoilt frame, and genuinely signed nonsense, which gets past the MAC. */
type Sample =
  | { readonly kind: "noise"; readonly bytes: Uint8Array }
  | { readonly kind: "frame" | "envelope" | "args"; readonly mutations: readonly Mutation[] }
  | { readonly kind: "noisy-args"; readonly bytes: Uint8Array };

const samples: fc.Arbitrary<Sample> = fc.oneof(
  fc.record({ kind: fc.constant("noise" as const), bytes: fc.uint8Array({ maxLength: 300 }) }),
  fc.record({ kind: fc.constantFrom("frame" as const, "envelope" as const, "args" as const), mutations }),
  fc.record({ kind: fc.constant("noisy-args" as const), bytes: fc.uint8Array({ maxLength: 200 }) }),
);

function frameOf(sample: Sample, credentials: ClientCredentials, method: string): Uint8Array {
  switch (sample.kind) {
    case "noise":
      return sample.bytes;
    case "frame":
      return spoil(signRaw(credentials, { ...request(asEncoded), method }).frame, sample.mutations);
    case "args":
      return signRaw(credentials, { ...request(spoil(asEncoded, sample.mutations)), method }).frame;
    case "noisy-args":
      return signRaw(credentials, { ...request(sample.bytes), method }).frame;
    case "envelope": {
      const { content } = readFrame(signRaw(credentials, { ...request(asEncoded), method }).frame);
      return signed(spoil(content, sample.mutations), credentials, method);
    }
  }
}

/** A frame that any client could send who signs what he should not. */
function signed(envelope: Uint8Array, { keyId, requestKey }: ClientCredentials, method: string): Uint8Array {
  return writeFrame({ content: envelope, keyId, signature: requestSignature(requestKey, { method, keyId, envelope }) });
}

const EXPECTED: ReadonlySet<number> = new Set([
  status.UNAUTHENTICATED,
  status.INVALID_ARGUMENT,
  status.FAILED_PRECONDITION,
  status.PERMISSION_DENIED,
  status.ALREADY_EXISTS,
]);

test(`${FRAMES} random and mutated frames crash nothing and are never an internal failure`, async () => {
  const seed = Number(process.env.SEALWIRE_TEST_SEED ?? Date.now() & 0x7fffffff);
  const credentials = server.credentials();
  const counts = new Map<string, number>();
  const drawn = fc.sample(fc.tuple(samples, fc.constantFrom(CALL_METHOD, CALL_METHOD, WATCH_JOB_METHOD)), {
    seed,
    numRuns: FRAMES,
  });
  await forEach(drawn, async ([sample, method]) => {
    const frame = frameOf(sample, credentials, method);
    const refusal = await send(frame, method);
    const label = refusal === undefined ? "accepted" : `${status[refusal.code]} ${refusal.reason}`;
    counts.set(label, (counts.get(label) ?? 0) + 1);
    if (refusal !== undefined && !EXPECTED.has(refusal.code)) {
      throw new Error(
        `seed ${seed}: ${label} (${refusal.details}) for ${sample.kind} ${Buffer.from(frame).toString("hex")}`,
      );
    }
    if (refusal !== undefined) assert.is(refusal.signed, refusal.code !== status.UNAUTHENTICATED, label);
    if (sample.kind === "noise") assert.is(refusal?.code, status.UNAUTHENTICATED);
  });
  assert.equal(errors, [], `seed ${seed}: nothing is logged as unexpected`);
  assert.is(await send(signRaw(credentials, request(asEncoded)).frame), undefined, "the server answers as before");
  assert.ok(counts.has("UNAUTHENTICATED SIGNATURE_INVALID"), JSON.stringify([...counts]));
  assert.ok(counts.has("INVALID_ARGUMENT ARGS_INVALID"), JSON.stringify([...counts]));
  assert.ok(counts.has("INVALID_ARGUMENT ENVELOPE_INVALID"), JSON.stringify([...counts]));
  if (process.env.SEALWIRE_TEST_FRAMES !== undefined) console.log(`seed ${seed}:`, Object.fromEntries(counts));
});

test.run();
