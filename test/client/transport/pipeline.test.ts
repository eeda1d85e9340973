import { Status } from "../../../gen/sealwire/v1/response.ts";
import { hasNotBegun } from "../../../src/client/calls/retry.ts";
import { SealwireClient } from "../../../src/client/client.ts";
import type { ClientOptions } from "../../../src/client/options.ts";
import { SealwireError } from "../../../src/errors.ts";
import { type Logger, silentLogger } from "../../../src/runtime/logger.ts";
import { errorToMessage } from "../../../src/wire/error-message.ts";
import { eventually } from "../../support/eventually.ts";
import { assert, suite } from "../../support/suite.ts";
import { sumArgs, sumResult } from "../peers/numbers.ts";
import {
  type Behaviour,
  makeCredentials,
  ok,
  type Received,
  response,
  type SignedPeer,
  type StreamReply,
  sign,
  startPeer,
  unsigned,
} from "../peers/signed-peer.ts";
import { thrownBy } from "../peers/thrown.ts";

const test = suite("client/transport/pipeline");
const credentials = makeCredentials("");
const quick = { initialDelayMs: 1, maxDelayMs: 4 };

/** Runs `body` with a pipelining client of a peer that does as told with each request of a stream. */
async function withPeer(
  streamed: NonNullable<Behaviour["streamed"]>,
  body: (client: SealwireClient, peer: SignedPeer) => Promise<void>,
  options: Partial<ClientOptions> = {},
): Promise<void> {
  await using peer = await startPeer({ streamed, call: honest }, { credentials });
  await using client = new SealwireClient({ credentials: peer.credentials, retry: quick, pipeline: true, ...options });
  await body(client, peer);
}

const sum = (client: SealwireClient, options: { timeoutMs?: number; requestId?: string; signal?: AbortSignal } = {}) =>
  client.call("batch_sum", sumArgs, options);

const honest = (received: Received): Buffer => ok(credentials, received, sumResult);

function refusal(received: Received, error: SealwireError): Buffer {
  return sign(credentials, received, response(received, { status: Status.ERROR, error: errorToMessage(error) }));
}

/** Answers all of `count` requests at once, the last first. */
function together(count: number): NonNullable<Behaviour["streamed"]> {
  const waiting: [Received, StreamReply][] = [];
  return (received, reply) => {
    waiting.unshift([received, reply]);
    if (waiting.length === count) for (const [each, to] of waiting.splice(0)) to.send(honest(each));
  };
}

test("calls share one stream, and answers in any order find theirs", async () => {
  await withPeer(together(100), async (client, peer) => {
    const ids = Array.from({ length: 100 }, (_, i) => `r-${i}`);
    const results = await Promise.all(ids.map((requestId) => sum(client, { requestId })));
    assert.equal(
      results.map(({ requestId }) => requestId),
      ids,
    );
    assert.is(peer.streams.length, 1);
    assert.is(peer.calls.length, 0);
    assert.is(new Set(peer.streamed.map(({ envelope }) => Buffer.from(envelope.nonce).toString("hex"))).size, 100);
  });
});

test("two calls under one request id each get the answer that is bound to their own signature", async () => {
  await withPeer(together(2), async (client, peer) => {
    const results = await Promise.all([sum(client, { requestId: "same" }), sum(client, { requestId: "same" })]);
    assert.ok(results.every(({ ok: isOk }) => isOk));
    assert.is(peer.streamed.length, 2);
  });
});

/** Forged answers that name the call that they are sent for. */
const NAMED: [string, (received: Received, other: Received) => Buffer][] = [
  [
    "signed with another key",
    (received) => sign(makeCredentials(""), received, response(received, { result: sumResult })),
  ],
  [
    "that is bound to another call",
    (received, other) => sign(credentials, other, response(received, { result: sumResult })),
  ],
  ["of a watch", (received) => sign(credentials, received, response(received, { sequence: 1n, result: sumResult }))],
  [
    "of another server",
    (received) => sign(credentials, received, response(received, { serverId: "other", result: sumResult })),
  ],
];

/** Forged answers that name no call of the stream. */
const NAMELESS: [string, (received: Received) => Buffer][] = [
  [
    "to no call of the stream",
    (received) => sign(credentials, received, response(received, { requestId: "nobody", result: sumResult })),
  ],
  [
    "without a request id that is no refusal",
    (received) => sign(credentials, received, response(received, { requestId: "", result: sumResult })),
  ],
  ["that is no frame", () => Buffer.from("hello")],
  ["that is empty", () => Buffer.alloc(0)],
];

for (const [name, forge] of NAMED) {
  test(`an answer ${name} fails the call that it names, without a retry, and no other`, async () => {
    const received: Received[] = [];
    await withPeer(
      (request, reply) => {
        received.push(request);
        const [first, second] = received;
        if (received.length === 2) reply.send(forge(first as Received, second as Received));
        if (received.length >= 2) reply.send(honest(request));
      },
      async (client, peer) => {
        const [error, other] = await Promise.all([thrownBy(() => sum(client)), sum(client)]);
        assert.is(error.reason, "RESPONSE_UNVERIFIED");
        assert.ok(other.ok);
        assert.ok((await sum(client)).ok);
        assert.is(peer.streamed.length, 3);
        assert.is(peer.streams.length, 1);
      },
    );
  });
}

test("one forged answer among many fails one call of a hundred", async () => {
  const waiting: [Received, StreamReply][] = [];
  await withPeer(
    (received, reply) => {
      waiting.push([received, reply]);
      if (waiting.length < 100) return;
      for (const [index, [each, to]] of waiting.entries()) {
        to.send(index === 50 ? sign(makeCredentials(""), each, response(each, { result: sumResult })) : honest(each));
      }
    },
    async (client, peer) => {
      const calls = Array.from({ length: 100 }, (_, i) => sum(client, { requestId: `r-${i}` }));
      const ends = await Promise.allSettled(calls);
      assert.equal(
        ends.flatMap(({ status }, index) => (status === "rejected" ? [index] : [])),
        [50],
      );
      assert.is(peer.streamed.length, 100);
    },
  );
});

for (const [name, forge] of NAMELESS) {
  test(`after an answer ${name} the calls under way end, and the next have another stream`, async () => {
    const received: [Received, StreamReply][] = [];
    const warnings: string[] = [];
    const logger: Logger = { ...silentLogger, warn: (_fields, message = "") => warnings.push(message) };
    await withPeer(
      (request, reply) => {
        received.push([request, reply]);
        if (received.length === 1) reply.send(forge(request));
        if (received.length === 2) for (const [each, to] of received) to.send(honest(each));
      },
      async (client, peer) => {
        const first = sum(client);
        await eventually("the forged answer has come", () => warnings.length === 1);
        assert.ok((await sum(client)).ok);
        assert.ok((await first).ok);
        assert.is(await peer.streams[0]?.ended, "half-closed");
        assert.is(peer.streams.length, 2);
        assert.match(warnings[0] as string, "an answer to none of its calls");
      },
      { logger },
    );
  });
}

test("an answer with any single bit flipped is never believed", async () => {
  let bit = 0;
  let bits = 1;
  const forged = { ...sumResult, value: Buffer.from([...sumResult.value, ...sumResult.value]) };
  await withPeer(
    (received, reply) => {
      const frame = ok(credentials, received, forged);
      bits = frame.length * 8;
      frame[bit >> 3] = (frame[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      reply.send(frame);
      reply.send(honest(received));
    },
    async (client) => {
      for (; bit < bits; bit += 1) {
        const end = await sum(client, { requestId: "r" }).catch((error: SealwireError) => error);
        if (end instanceof SealwireError) assert.is(end.reason, "RESPONSE_UNVERIFIED", `bit ${bit}`);
        else assert.equal(Buffer.from(end.output?.value ?? []), Buffer.from(sumResult.value), `bit ${bit}`);
      }
    },
  );
});

test("after an answer that comes twice, the next calls have another stream", async () => {
  await withPeer(
    (received, reply, attempt) => {
      reply.send(honest(received));
      if (attempt === 1) reply.send(honest(received));
    },
    async (client, peer) => {
      await sum(client);
      assert.is(await peer.streams[0]?.ended, "half-closed");
      assert.ok((await sum(client)).ok);
      assert.is(peer.streams.length, 2);
    },
  );
});

test("a refusal is thrown, or repeated if it says that this helps, on the same stream", async () => {
  const answers = [
    new SealwireError("RATE_LIMITED", "slower", { retryDelayMs: 1 }),
    new SealwireError("UNAVAILABLE", "the store is away"),
    new SealwireError("TOOL_FORBIDDEN", "not yours"),
  ];
  await withPeer(
    (received, reply, attempt) => reply.send(refusal(received, answers[attempt - 1] as SealwireError)),
    async (client, peer) => {
      const error = await thrownBy(() => sum(client, { requestId: "r" }));
      assert.is(error.reason, "TOOL_FORBIDDEN");
      assert.is(error.message, "not yours");
      assert.is(peer.streamed.length, 3);
      assert.is(peer.streams.length, 1);
      assert.equal([...new Set(peer.streamed.map(({ envelope }) => envelope.requestId))], ["r"]);
    },
  );
});

test("a refusal of an envelope that the server cannot read finds its call by the signature", async () => {
  await withPeer(
    (received, reply, attempt) => {
      if (attempt === 1) return;
      const error = errorToMessage(new SealwireError("UNSUPPORTED_VERSION"));
      reply.send(sign(credentials, received, response(received, { requestId: "", status: Status.ERROR, error })));
    },
    async (client) => {
      const unanswered = sum(client, { signal: AbortSignal.timeout(60_000), requestId: "waits" });
      assert.is((await thrownBy(() => sum(client))).reason, "UNSUPPORTED_VERSION");
      client.close();
      assert.is((await thrownBy(() => unanswered)).reason, "CANCELLED");
    },
  );
});

test("a tool's own failure is given with the answer and never repeated", async () => {
  const failure = new SealwireError("TOOL_FAILED", "no such account", { retryable: true });
  await withPeer(
    (received, reply) => reply.send(refusal(received, failure)),
    async (client, peer) => {
      assert.is((await thrownBy(() => sum(client))).message, "no such account");
      assert.is((await client.call("batch_sum", sumArgs, { returnFailure: true })).error?.reason, "TOOL_FAILED");
      assert.is(peer.streamed.length, 2);
    },
  );
});

test("a signed CLOCK_SKEW sets the clock once", async () => {
  const serverMs = Date.now() + 3_600_000;
  await withPeer(
    (received, reply, attempt) => {
      if (attempt > 1) return reply.send(honest(received));
      const error = errorToMessage(new SealwireError("CLOCK_SKEW"));
      reply.send(
        sign(credentials, received, response(received, { status: Status.ERROR, error, tsMs: BigInt(serverMs) })),
      );
    },
    async (client, peer) => {
      assert.ok((await sum(client)).ok);
      assert.ok(Math.abs(Number(peer.streamed[1]?.envelope.tsMs) - serverMs) < 60_000);
    },
  );
});

for (const [how, reply] of [
  ["with UNAVAILABLE", (to: StreamReply) => to.fail(unsigned(new SealwireError("DRAINING")))],
  ["with OK", (to: StreamReply) => to.end()],
] as const) {
  test(`calls of a stream that ends ${how} are repeated under their request ids on a new one`, async () => {
    const waiting: Received[] = [];
    await withPeer(
      (received, to, attempt) => {
        waiting.push(received);
        if (attempt === 3) to.send(honest(received));
        if (attempt === 3) reply(to);
        if (attempt > 3) to.send(honest(received));
      },
      async (client, peer) => {
        const ids = ["a", "b", "c"];
        const results = await Promise.all(ids.map((requestId) => sum(client, { requestId })));
        assert.ok(results.every(({ ok: isOk }) => isOk));
        assert.is(peer.streamed.length, 5, "the one that was answered is not sent again");
        assert.is(peer.streams.length, 2);
        const nonces = peer.streamed.map(({ envelope }) => Buffer.from(envelope.nonce).toString("hex"));
        assert.is(new Set(nonces).size, 5);
      },
    );
  });

  test(`a stream that ends ${how} is no proof that its calls have not begun`, async () => {
    await withPeer(
      (_received, to) => reply(to),
      async (client, peer) => {
        const error = await thrownBy(() => sum(client));
        assert.equal([hasNotBegun(error), peer.streamed.length], [false, 5], error.message);
      },
    );
  });
}

test("an unsigned UNAUTHENTICATED is told apart and not repeated", async () => {
  await withPeer(
    (_received, reply) => reply.fail(unsigned(new SealwireError("SIGNATURE_INVALID"))),
    async (client, peer) => {
      assert.is((await thrownBy(() => sum(client))).reason, "CREDENTIALS_REFUSED");
      assert.is(peer.streamed.length, 1);
    },
  );
});

test("a call that is given up leaves the others alone, and its late answer is dropped", async () => {
  let first: (() => void) | undefined;
  await withPeer(
    (received, reply, attempt) => {
      if (attempt === 1) first = () => reply.send(honest(received));
      else reply.send(honest(received));
    },
    async (client, peer) => {
      const giveUp = new AbortController();
      const aborted = sum(client, { signal: giveUp.signal });
      await eventually("it is sent", () => peer.streamed.length === 1);
      giveUp.abort(new Error("enough"));
      assert.is(await aborted.catch((error: Error) => error.message), "enough");
      first?.();
      for (let i = 0; i < 3; i++) assert.ok((await sum(client)).ok);
      assert.is(peer.streams.length, 1);
    },
  );
});

test("a call whose time is up says that its outcome is unknown", async () => {
  await withPeer(
    () => {},
    async (client) => {
      const error = await thrownBy(() => sum(client, { timeoutMs: 30, requestId: "slow" }));
      assert.is(error.reason, "DEADLINE_EXCEEDED");
      assert.match(error.message, "slow");
    },
  );
});

test("a message that no server reads harms no other call of the stream", async () => {
  await withPeer(together(1), async (client, peer) => {
    const tooLarge = { ...sumArgs, value: new Uint8Array(1024 * 1024) };
    const error = await thrownBy(() => client.call("batch_sum", tooLarge));
    assert.is(error.reason, "ARGS_INVALID");
    assert.match(error.message, "a server accepts at most 1048576");
    assert.ok((await sum(client)).ok);
    assert.is(peer.streamed.length, 1);
  });
});

test("a call with a trace context is sent by itself, with it", async () => {
  await withPeer(together(1), async (client, peer) => {
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    await client.call("batch_sum", sumArgs, { traceparent });
    assert.is(peer.calls[0]?.metadata.get("traceparent")[0], traceparent);
    assert.is(peer.streams.length, 0);
  });
});

test("a stream that nobody uses is ended, and what nobody waits for any more is called off", async () => {
  await withPeer(
    (received, reply, attempt) => {
      if (attempt !== 2) reply.send(honest(received));
    },
    async (client, peer) => {
      await sum(client);
      assert.is(await peer.streams[0]?.ended, "half-closed");
      assert.is((await thrownBy(() => sum(client, { timeoutMs: 50 }))).reason, "DEADLINE_EXCEEDED");
      assert.is(await peer.streams[1]?.ended, "cancelled");
      assert.ok((await sum(client)).ok);
      assert.is(peer.streams.length, 3);
    },
  );
});

test("each of several servers gets a stream, and calls move when one is lost", async () => {
  const streamed: Behaviour["streamed"] = (received, reply) => reply.send(honest(received));
  await using first = await startPeer({ streamed }, { credentials });
  await using second = await startPeer({ streamed }, { credentials });
  await using client = new SealwireClient({
    credentials: { ...first.credentials, address: `${first.address},${second.address}` },
    retry: quick,
    pipeline: true,
  });
  await eventually("both take part", async () => {
    assert.ok((await sum(client)).ok);
    return first.streamed.length > 0 && second.streamed.length > 0;
  });
  for (let i = 0; i < 20; i++) assert.ok((await sum(client)).ok);
  assert.ok(Math.abs(first.streamed.length - second.streamed.length) < 20);
  await first[Symbol.asyncDispose]();
  const before = second.streamed.length;
  await Promise.all(Array.from({ length: 20 }, () => sum(client)));
  assert.is(second.streamed.length, before + 20);
});

test("closing the client ends its calls", async () => {
  await withPeer(
    () => {},
    async (client, peer) => {
      const call = sum(client);
      await eventually("it is sent", () => peer.streamed.length === 1);
      client.close();
      assert.is((await thrownBy(() => call)).reason, "CANCELLED");
      assert.is(await peer.streams[0]?.ended, "cancelled");
    },
  );
});

test.run();
