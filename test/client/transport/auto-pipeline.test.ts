import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Status } from "../../../gen/sealwire/v1/response.ts";
import { SealwireClient } from "../../../src/client/client.ts";
import type { ClientOptions } from "../../../src/client/options.ts";
import { SealwireError } from "../../../src/errors.ts";
import { CALL_HEADER_METADATA } from "../../../src/wire/call-header.ts";
import { errorToMessage } from "../../../src/wire/error-message.ts";
import { eventually } from "../../support/eventually.ts";
import { FakeClock } from "../../support/fake-clock.ts";
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

const test = suite("client/transport/auto-pipeline");
const credentials = makeCredentials("");
const quick = { initialDelayMs: 1, maxDelayMs: 4 };
const TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

const honest = (received: Received): Buffer => ok(credentials, received, sumResult);

/** Runs `body` with a client as it is by default, and a peer that answers calls as told. */
async function withPeer(
  behaviour: Behaviour,
  body: (client: SealwireClient, peer: SignedPeer) => Promise<void>,
  options: Partial<ClientOptions> = {},
): Promise<void> {
  await using peer = await startPeer({ call: honest, ...behaviour }, { credentials });
  await using client = new SealwireClient({ credentials: peer.credentials, retry: quick, ...options });
  await body(client, peer);
}

const sum = (client: SealwireClient, options: Parameters<SealwireClient["call"]>[2] = {}) =>
  client.call("batch_sum", sumArgs, options);

/** Calls until calls go over a stream; gives how many did. */
function untilStreamed(client: SealwireClient, peer: SignedPeer): Promise<number> {
  return eventually("calls go over a stream", async () => {
    await sum(client);
    return peer.streamed.length > 0 && peer.streamed.length;
  });
}

const answering: Behaviour = { route: "direct", streamed: (received, reply) => reply.send(honest(received)) };

test("the first call is a request, and a second one that follows opens a stream for those after it", async () => {
  await withPeer(answering, async (client, peer) => {
    await sum(client);
    assert.is(peer.streams.length, 0);
    await sum(client);
    assert.is(peer.calls.length, 2);
    await eventually("the stream is open", () => peer.streams.length === 1);
    await untilStreamed(client, peer);
    const { length } = peer.calls;
    for (let i = 0; i < 10; i += 1) await sum(client);
    assert.is(peer.calls.length, length);
    assert.is(peer.streams.length, 1);
  });
});

test("calls that overlap open a stream", async () => {
  await withPeer(answering, async (client, peer) => {
    await Promise.all([sum(client), sum(client)]);
    await eventually("the stream is open", () => peer.streams.length === 1);
  });
});

test("a call now and then is a request each", async () => {
  const clock = new FakeClock();
  await withPeer(
    answering,
    async (client, peer) => {
      for (let i = 0; i < 5; i += 1) {
        await sum(client);
        clock.advance(1_001);
      }
      assert.is(peer.calls.length, 5);
      assert.is(peer.streams.length, 0);
    },
    { clock },
  );
});

test("a call on a stream takes its time limit and its trace context along", async () => {
  await withPeer(answering, async (client, peer) => {
    await untilStreamed(client, peer);
    await sum(client, { timeoutMs: 4_000, traceparent: TRACE });
    const header = peer.streamed.at(-1)?.header;
    assert.is(header?.traceparent, TRACE);
    assert.ok(Number(header?.timeoutMs) <= 4_000 && Number(header?.timeoutMs) > 0);
  });
});

test("a call that is given up is cancelled by its number; the others go on, and its late answer is dropped", async () => {
  const held: (() => void)[] = [];
  await withPeer(
    {
      route: "direct",
      streamed: (received, reply) => {
        if (received.envelope.requestId === "held") held.push(() => reply.send(honest(received)));
        else reply.send(honest(received));
      },
    },
    async (client, peer) => {
      const before = await untilStreamed(client, peer);
      const giveUp = new AbortController();
      const aborted = sum(client, { signal: giveUp.signal, requestId: "held" });
      await eventually("it is sent", () => held.length === 1);
      giveUp.abort(new Error("enough"));
      assert.is(await aborted.catch((error: Error) => error.message), "enough");
      await eventually("it is cancelled", () => peer.streams[0]?.cancelled.length === 1);
      assert.equal(peer.streams[0]?.cancelled, [before + 1]);
      held[0]?.();
      await sum(client);
      assert.is(peer.streams.length, 1);
    },
  );
});

test("a call whose time is up is cancelled, too", async () => {
  await withPeer(
    {
      route: "direct",
      streamed: (received, reply) => {
        if (received.envelope.requestId !== "held") reply.send(honest(received));
      },
    },
    async (client, peer) => {
      const before = await untilStreamed(client, peer);
      const error = await thrownBy(() => sum(client, { timeoutMs: 30, requestId: "held" }));
      assert.is(error.reason, "DEADLINE_EXCEEDED");
      await eventually("it is cancelled", () => peer.streams[0]?.cancelled.includes(before + 1));
    },
  );
});

for (const [what, behaviour] of [
  ["that says nothing", { streamed: () => {} }],
  ["behind a relay", { route: "relayed", streamed: () => {} }],
  [
    "that has no call streams",
    { route: "direct", opened: (reply) => reply.fail({ code: 12, details: "no such method" }) },
  ],
] satisfies [string, Behaviour][]) {
  test(`all calls to a server ${what} are requests, and the stream is ended`, async () => {
    await withPeer(behaviour, async (client, peer) => {
      await Promise.all([sum(client), sum(client)]);
      await eventually("the stream is open", () => peer.streams.length === 1);
      let hasEnded = false;
      void peer.streams[0]?.ended.then(() => {
        hasEnded = true;
      });
      await eventually("it is ended", async () => {
        await sum(client, { traceparent: TRACE });
        return hasEnded || what === "that has no call streams";
      });
      assert.is(peer.streamed.length, 0);
      assert.is(peer.calls.at(-1)?.metadata.get("traceparent")[0], TRACE);
    });
  });
}

test("a server whose stream was of no use is offered another one ever more seldom", async () => {
  const clock = new FakeClock();
  await withPeer(
    { route: "relayed", streamed: () => {} },
    async (client, peer) => {
      /** Two calls, of which the second may open a stream; true once it has. */
      const opens = async (): Promise<boolean> => {
        const before = peer.streams.length;
        await Promise.all([sum(client), sum(client)]);
        await sum(client);
        return peer.streams.length > before;
      };
      await eventually("the first is opened and found relayed", async () => {
        await opens();
        return peer.streams.length === 1 && !(await opens());
      });
      for (const pauseMs of [1_000, 2_000, 4_000]) {
        const before = peer.streams.length;
        clock.advance(pauseMs - 1);
        assert.is(await opens(), false);
        clock.advance(1);
        await eventually("another is opened", async () => (await opens()) || peer.streams.length > before);
        await peer.streams.at(-1)?.ended;
        await sum(client);
      }
    },
    { clock },
  );
});

test("more than 64 calls in flight take no more than 64 places on the stream; the others are requests", async () => {
  const waiting: [Received, StreamReply][] = [];
  let isHolding = false;
  await withPeer(
    {
      route: "direct",
      streamed: (received, reply) => {
        if (isHolding) waiting.push([received, reply]);
        else reply.send(honest(received));
      },
    },
    async (client, peer) => {
      await untilStreamed(client, peer);
      const { length } = peer.calls;
      isHolding = true;
      const calls = Array.from({ length: 100 }, () => sum(client));
      await eventually("all have come", () => waiting.length + peer.calls.length - length === 100);
      assert.is(waiting.length, 64);
      for (const [each, to] of waiting) to.send(honest(each));
      for (const result of await Promise.all(calls)) assert.ok(result.ok);
    },
  );
});

test("large arguments do not hold up the stream", async () => {
  await withPeer(answering, async (client, peer) => {
    await untilStreamed(client, peer);
    const { length } = peer.calls;
    await client.call("batch_sum", { ...sumArgs, value: new Uint8Array(100_000) });
    assert.is(peer.calls.length, length + 1);
  });
});

for (const [how, end] of [
  ["drains", (to) => to.fail(unsigned(new SealwireError("DRAINING")))],
  ["refuses one of them", (to) => to.fail(unsigned(new SealwireError("SIGNATURE_INVALID")))],
  ["has too many", (to) => to.fail(unsigned(new SealwireError("QUOTA_EXCEEDED")))],
  ["ends it", (to) => to.end()],
] satisfies [string, (to: StreamReply) => void][]) {
  test(`unanswered calls of a stream whose server ${how} are sent again at once, without being counted as failed`, async () => {
    let isEnding = false;
    await withPeer(
      {
        route: "direct",
        streamed: (received, reply) => {
          if (isEnding) end(reply);
          else reply.send(honest(received));
        },
      },
      async (client, peer) => {
        await untilStreamed(client, peer);
        const { length } = peer.calls;
        isEnding = true;
        const results = await Promise.all([1, 2, 3].map((i) => sum(client, { requestId: `r-${i}` })));
        assert.ok(results.every(({ ok: isOk }) => isOk));
        assert.is(peer.calls.length, length + 3);
      },
      { retry: { maxAttempts: 1 } },
    );
  });
}

test("a key that has too many streams makes its calls by requests", async () => {
  await withPeer(
    {
      route: "direct",
      streamed: (received, reply) => {
        const error = errorToMessage(new SealwireError("QUOTA_EXCEEDED", "too many streams", { retryDelayMs: 60_000 }));
        reply.send(sign(credentials, received, response(received, { status: Status.ERROR, error })));
        reply.fail(unsigned(new SealwireError("QUOTA_EXCEEDED")));
      },
    },
    async (client, peer) => {
      await untilStreamed(client, peer);
      assert.is(peer.streamed.length, 1);
      assert.is(peer.calls.at(-1)?.envelope.requestId, peer.streamed[0]?.envelope.requestId);
    },
  );
});

test("a forged answer fails the call that it names, which is not sent again", async () => {
  await withPeer(
    {
      route: "direct",
      streamed: (received, reply) => {
        const isForged = received.envelope.requestId === "forged";
        reply.send(isForged ? ok(makeCredentials(""), received, sumResult) : honest(received));
      },
    },
    async (client, peer) => {
      await untilStreamed(client, peer);
      const [error, ...others] = await Promise.all([
        thrownBy(() => sum(client, { requestId: "forged" })),
        ...Array.from({ length: 20 }, () => sum(client)),
      ]);
      assert.is(error?.reason, "RESPONSE_UNVERIFIED");
      assert.is(others.length, 20);
      assert.is(peer.streamed.filter(({ envelope }) => envelope.requestId === "forged").length, 1);
      assert.is(peer.calls.filter(({ envelope }) => envelope.requestId === "forged").length, 0);
      assert.is(peer.streams.length, 1);
    },
  );
});

test("each of several servers gets a stream, and calls move when one is lost", async () => {
  await using first = await startPeer({ call: honest, ...answering }, { credentials });
  await using second = await startPeer({ call: honest, ...answering }, { credentials });
  await using client = new SealwireClient({
    credentials: { ...first.credentials, address: `${first.address},${second.address}` },
    retry: quick,
  });
  await eventually("both have a stream in use", async () => {
    await sum(client);
    return first.streamed.length > 0 && second.streamed.length > 0;
  });
  await first[Symbol.asyncDispose]();
  const calls = first.streamed.length + first.calls.length;
  await Promise.all(Array.from({ length: 40 }, () => sum(client)));
  assert.is(first.streamed.length + first.calls.length, calls);
  assert.is(second.streams.length, 1);
});

for (const pipeline of [true, "auto"] as const) {
  test(`a stream over a unix socket says so (pipeline: ${pipeline})`, async () => {
    const folder = await mkdtemp(join(tmpdir(), "sealwire-"));
    const unixSocket = join(folder, "peer.sock");
    await using peer = await startPeer({ call: honest, ...answering }, { credentials, unixSocket });
    await using client = new SealwireClient({ credentials: peer.credentials, retry: quick, pipeline });
    await untilStreamed(client, peer);
    assert.equal(peer.streams[0]?.metadata.get(CALL_HEADER_METADATA), ["unix"]);
    await rm(folder, { recursive: true });
  });

  test(`a stream names the port that it comes from (pipeline: ${pipeline})`, async () => {
    await withPeer(
      answering,
      async (client, peer) => {
        await untilStreamed(client, peer);
        assert.equal(peer.streams[0]?.metadata.get(CALL_HEADER_METADATA), [peer.streams[0]?.peer.split(":").at(-1)]);
      },
      { pipeline },
    );
  });
}

test("with pipeline: true calls take their headers along once the server has answered, relayed or not", async () => {
  for (const route of ["direct", "relayed"] as const) {
    await withPeer(
      { ...answering, route },
      async (client, peer) => {
        await sum(client);
        await eventually("the answer has come", async () => {
          await sum(client, { traceparent: TRACE });
          return peer.streamed.at(-1)?.header?.traceparent === TRACE;
        });
        assert.is(peer.streams.length, 1);
      },
      { pipeline: true },
    );
  }
});

test("with pipeline: true a call that was given up before the server answered is cancelled afterwards", async () => {
  await withPeer(
    { isSlow: true, route: "direct", streamed: () => {} },
    async (client, peer) => {
      await thrownBy(() => sum(client, { timeoutMs: 30 }));
      const open = sum(client).catch(() => {});
      await eventually("it is cancelled", () => peer.streams[0]?.cancelled.includes(1));
      client.close();
      await open;
    },
    { pipeline: true },
  );
});

test.run();
