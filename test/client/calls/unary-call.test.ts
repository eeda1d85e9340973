import { status } from "@grpc/grpc-js";
import { Status } from "../../../gen/sealwire/v1/response.ts";
import { hasNotBegun } from "../../../src/client/calls/retry.ts";
import { SealwireClient } from "../../../src/client/client.ts";
import type { ClientOptions } from "../../../src/client/options.ts";
import { SealwireError } from "../../../src/errors.ts";
import { errorToMessage } from "../../../src/wire/error-message.ts";
import { toGrpcFailure } from "../../../src/wire/status.ts";
import { eventually } from "../../support/eventually.ts";
import { assert, suite } from "../../support/suite.ts";
import { sumArgs, sumResult } from "../peers/numbers.ts";
import {
  type Behaviour,
  makeCredentials,
  ok,
  type Received,
  refuse,
  response,
  type SignedPeer,
  sign,
  startPeer,
  type UnaryReply,
  unsigned,
} from "../peers/signed-peer.ts";
import { thrownBy } from "../peers/thrown.ts";

const test = suite("client/calls/unary-call");
const credentials = makeCredentials("");
const quick = { initialDelayMs: 1, maxDelayMs: 4 };

/** Runs `body` with a client of a peer whose unary calls do as told. */
async function withPeer(
  call: NonNullable<Behaviour["call"]>,
  body: (client: SealwireClient, peer: SignedPeer) => Promise<void>,
  options: Partial<ClientOptions> = {},
): Promise<void> {
  await using peer = await startPeer({ call }, { credentials });
  await using client = new SealwireClient({ credentials: peer.credentials, retry: quick, ...options });
  await body(client, peer);
}

const sum = (client: SealwireClient, options: { timeoutMs?: number; requestId?: string; signal?: AbortSignal } = {}) =>
  client.call("batch_sum", sumArgs, options);

const honest = (received: Received): Buffer => ok(credentials, received, sumResult);

test("an answer with a valid signature is given with its bytes, request id and time", async () => {
  await withPeer(honest, async (client, peer) => {
    const result = await sum(client, { requestId: "mine-1" });
    assert.is(result.status, "OK");
    assert.ok(result.ok);
    assert.is(result.requestId, "mine-1");
    assert.equal(Buffer.from(result.outputBytes ?? []), Buffer.from(sumResult.value));
    assert.equal(await result.output?.json(), { count: 3, total: 6.5 });
    assert.ok(Math.abs(result.serverTimeMs - Date.now()) < 60_000);
    assert.is(peer.calls.length, 1);
    assert.is(peer.calls[0]?.envelope.nonce.length, 16);
  });
});

/** Ways to answer with gRPC OK that no honest server has. Each must be refused, and not tried again. */
const forgeries: [string, (received: Received) => UnaryReply][] = [
  [
    "signed with another key",
    (received) => sign(makeCredentials(""), received, response(received, { result: sumResult })),
  ],
  [
    "bound to the signature of another request",
    (received) => ok(credentials, { ...received, signature: Buffer.alloc(32) }, sumResult),
  ],
  [
    "for another request id",
    (received) => sign(credentials, received, response(received, { requestId: "other", result: sumResult })),
  ],
  [
    "of another server",
    (received) => sign(credentials, received, response(received, { serverId: "other", result: sumResult })),
  ],
  [
    "under another key id",
    (received) => sign({ ...credentials, keyId: "key-2" }, received, response(received, { result: sumResult })),
  ],
  ["of a stream", (received) => sign(credentials, received, response(received, { sequence: 1n, result: sumResult }))],
  [
    "whose ok contradicts its status",
    (received) => sign(credentials, received, response(received, { status: Status.ERROR, ok: true })),
  ],
  [
    "of an unknown status",
    (received) => sign(credentials, received, response(received, { status: 77 as Status, ok: true })),
  ],
  ["with one bit flipped", (received) => flip(honest(received))],
  ["that is the request itself", ({ frame }) => frame],
  ["that is no frame", () => Buffer.from("hello")],
  ["that is empty", () => Buffer.alloc(0)],
];

function flip(frame: Buffer): Buffer {
  frame[10] = (frame[10] ?? 0) ^ 4;
  return frame;
}

for (const [name, forge] of forgeries) {
  test(`an answer ${name} is refused at once`, async () => {
    await withPeer(forge, async (client, peer) => {
      const error = await thrownBy(() => sum(client));
      assert.is(error.reason, "RESPONSE_UNVERIFIED");
      assert.is(peer.calls.length, 1);
    });
  });
}

test("the answer to an earlier attempt of the same request is refused", async () => {
  let first: Buffer | undefined;
  const replaying = (received: Received): UnaryReply => {
    first ??= honest(received);
    return first;
  };
  await withPeer(replaying, async (client) => {
    await sum(client, { requestId: "r" });
    assert.is((await thrownBy(() => sum(client, { requestId: "r" }))).reason, "RESPONSE_UNVERIFIED");
  });
});

test("a verified refusal is thrown with its reason, status, message and violations", async () => {
  const refusal = new SealwireError("ARGS_INVALID", "numbers[1] is not finite.", {
    violations: [{ field: "numbers[1]", ruleId: "double.finite", message: "must be finite" }],
    violationsOmitted: 3,
  });
  await withPeer(
    (received) => refuse(credentials, received, refusal),
    async (client, peer) => {
      const error = await thrownBy(() => sum(client));
      assert.is(error.reason, "ARGS_INVALID");
      assert.is(error.status, "INVALID_ARGUMENT");
      assert.is(error.message, "numbers[1] is not finite.");
      assert.equal(
        error.violations.map(({ field, ruleId }) => [field, ruleId]),
        [["numbers[1]", "double.finite"]],
      );
      assert.is(error.violationsOmitted, 3);
      assert.is(peer.calls.length, 1);
    },
  );
});

test("a tool's own failure is thrown, or given with the answer on request, and never repeated", async () => {
  const failure = new SealwireError("TOOL_FAILED", "no such account", { retryable: true });
  const failing = (received: Received): UnaryReply =>
    sign(credentials, received, response(received, { status: Status.ERROR, error: errorToMessage(failure) }));
  await withPeer(failing, async (client, peer) => {
    assert.is((await thrownBy(() => sum(client))).message, "no such account");
    assert.is(peer.calls.length, 1);
    const result = await client.call("batch_sum", sumArgs, { returnFailure: true });
    assert.not(result.ok);
    assert.is(result.status, "ERROR");
    assert.is(result.error?.reason, "TOOL_FAILED");
    assert.is(result.output, undefined);
  });
});

for (const [code, reason, statusName] of [
  [status.NOT_FOUND, "JOB_NOT_FOUND", "NOT_FOUND"],
  [status.PERMISSION_DENIED, "TOOL_FORBIDDEN", "PERMISSION_DENIED"],
  [status.FAILED_PRECONDITION, "CLOCK_SKEW", "FAILED_PRECONDITION"],
  [status.ALREADY_EXISTS, "REPLAYED", "ALREADY_EXISTS"],
] as const) {
  test(`an unsigned ${reason} proves nothing and keeps only its status`, async () => {
    await withPeer(
      () => unsigned(new SealwireError(reason)),
      async (client, peer) => {
        const error = await thrownBy(() => sum(client));
        assert.is(error.reason, "RESPONSE_UNVERIFIED");
        assert.is(error.status, statusName);
        assert.is(unsigned(new SealwireError(reason)).code, code);
        assert.is(peer.calls.length, 1);
      },
    );
  });
}

test("an unsigned CLOCK_SKEW does not move the clock", async () => {
  await withPeer(
    (received, attempt) => (attempt === 1 ? unsigned(new SealwireError("CLOCK_SKEW")) : honest(received)),
    async (client, peer) => {
      await thrownBy(() => sum(client));
      await sum(client);
      assert.ok(Math.abs(Number(peer.calls[1]?.envelope.tsMs) - Date.now()) < 60_000);
    },
  );
});

test("a call that was refused unsigned, and then again with other keys, may have begun", async () => {
  let current = { ...credentials };
  const source = {
    current: () => current,
    renew: async () => {
      if (current.keyId === "key-2") return false;
      current = { ...current, keyId: "key-2" };
      return true;
    },
  };
  await using peer = await startPeer({
    call: (received, attempt) =>
      attempt === 1
        ? unsigned(new SealwireError("SIGNATURE_INVALID"))
        : refuse({ ...credentials, keyId: "key-2" }, received, new SealwireError("TOOL_FORBIDDEN")),
  });
  current = { ...current, address: peer.address };
  await using client = new SealwireClient({ credentials: source, retry: quick });
  const error = await thrownBy(() => sum(client));
  assert.equal([error.reason, peer.calls.length], ["TOOL_FORBIDDEN", 2]);
  // The peer may have let the first attempt through.
  assert.not.ok(hasNotBegun(error));
});

test("an unsigned UNAUTHENTICATED is told apart and not repeated", async () => {
  await withPeer(
    () => unsigned(new SealwireError("SIGNATURE_INVALID")),
    async (client, peer) => {
      const error = await thrownBy(() => sum(client));
      assert.is(error.reason, "CREDENTIALS_REFUSED");
      assert.is(error.status, "UNAUTHENTICATED");
      assert.is(peer.calls.length, 1);
    },
  );
});

test("a status that contradicts its signed frame is refused", async () => {
  const lies: ((received: Received) => UnaryReply)[] = [
    // The frame says TOOL_FORBIDDEN, the status another code.
    (received) => ({ ...refuse(credentials, received, new SealwireError("TOOL_FORBIDDEN")), code: status.NOT_FOUND }),
    // The frame says that all is well.
    (received) => ({
      ...toGrpcFailure(new SealwireError("UNAVAILABLE"), { type: "sealwire.v1.CallResponse", bytes: honest(received) }),
    }),
    // ErrorInfo names another reason than the frame, both with the same code.
    (received) => {
      const signed = response(received, {
        status: Status.ERROR,
        error: errorToMessage(new SealwireError("RATE_LIMITED")),
      });
      const bytes = sign(credentials, received, signed);
      return toGrpcFailure(new SealwireError("QUOTA_EXCEEDED"), { type: "sealwire.v1.CallResponse", bytes });
    },
    // The frame is of another request.
    (received) => refuse(credentials, { ...received, signature: Buffer.alloc(32) }, new SealwireError("UNAVAILABLE")),
  ];
  for (const lie of lies) {
    await withPeer(lie, async (client, peer) => {
      assert.is((await thrownBy(() => sum(client))).reason, "RESPONSE_UNVERIFIED");
      assert.is(peer.calls.length, 1);
    });
  }
});

test("a refusal without room for ErrorInfo is believed for its frame", async () => {
  const bare = (received: Received): UnaryReply => {
    const error = new SealwireError("TOOL_FORBIDDEN", "x".repeat(500), {
      violations: Array.from({ length: 16 }, () => ({
        field: "f".repeat(60),
        ruleId: "r".repeat(60),
        message: "m".repeat(60),
      })),
    });
    return refuse(credentials, received, error);
  };
  await withPeer(bare, async (client) => {
    const error = await thrownBy(() => sum(client));
    assert.is(error.reason, "TOOL_FORBIDDEN");
    assert.ok(error.violations.length > 0);
  });
});

test("a failure of a tool is its outcome in whichever way it comes", async () => {
  const failed = new SealwireError("TOOL_FAILED", "no room", { status: "RESOURCE_EXHAUSTED", retryable: true });
  await withPeer(
    (received) => refuse(credentials, received, failed),
    async (client, peer) => {
      const { reason, status: code } = await thrownBy(() => sum(client));
      assert.equal([reason, code, peer.calls.length], ["TOOL_FAILED", "RESOURCE_EXHAUSTED", 1]);
    },
  );
});

test("a refusal without a request id is believed only of an envelope that could not be read", async () => {
  const reasons: string[] = [];
  for (const reason of ["UNSUPPORTED_VERSION", "ENVELOPE_INVALID", "TOOL_FORBIDDEN"] as const) {
    await withPeer(
      (received) => refuse(credentials, received, new SealwireError(reason), { requestId: "" }),
      async (client) => void reasons.push((await thrownBy(() => sum(client))).reason),
    );
  }
  assert.equal(reasons, ["UNSUPPORTED_VERSION", "ENVELOPE_INVALID", "RESPONSE_UNVERIFIED"]);
});

test("retries keep the request id and draw a new nonce each", async () => {
  await withPeer(
    (received, attempt) => (attempt < 4 ? unsigned(new SealwireError("UNAVAILABLE")) : honest(received)),
    async (client, peer) => {
      const { requestId } = await sum(client);
      assert.is(peer.calls.length, 4);
      assert.equal(new Set(peer.calls.map(({ envelope }) => envelope.requestId)), new Set([requestId]));
      assert.is(new Set(peer.calls.map(({ envelope }) => Buffer.from(envelope.nonce).toString("hex"))).size, 4);
      assert.is(new Set(peer.calls.map(({ signature }) => Buffer.from(signature).toString("hex"))).size, 4);
    },
  );
});

test("an unsigned UNAVAILABLE is UNREACHABLE after the last attempt", async () => {
  await withPeer(
    () => unsigned(new SealwireError("UNAVAILABLE")),
    async (client, peer) => {
      const error = await thrownBy(() => sum(client));
      assert.is(error.reason, "UNREACHABLE");
      assert.ok(error.retryable);
      assert.is(peer.calls.length, 3);
    },
    { retry: { ...quick, maxAttempts: 3 } },
  );
});

test("a port where nobody listens is UNREACHABLE", async () => {
  const gone = await startPeer({}, { credentials });
  await gone[Symbol.asyncDispose]();
  await using client = new SealwireClient({ credentials: gone.credentials, retry: { ...quick, unreachableForMs: 0 } });
  const error = await thrownBy(() => sum(client));
  assert.is(error.reason, "UNREACHABLE");
  assert.match(error.message, /ECONNREFUSED|No connection/);
});

test("a verified refusal that tells a delay is retried after it, however often, within the deadline", async () => {
  await withPeer(
    (received, attempt) =>
      attempt <= 8
        ? refuse(credentials, received, new SealwireError("RATE_LIMITED", "slow down", { retryDelayMs: 1 }))
        : honest(received),
    async (client, peer) => {
      assert.ok((await sum(client)).ok);
      assert.is(peer.calls.length, 9);
    },
  );
});

test("a delay that does not fit into the deadline is not waited for", async () => {
  await withPeer(
    (received) =>
      refuse(credentials, received, new SealwireError("RATE_LIMITED", "slow down", { retryDelayMs: 3_600_000 })),
    async (client, peer) => {
      const error = await thrownBy(() => sum(client));
      assert.is(error.reason, "RATE_LIMITED");
      assert.is(error.retryDelayMs, 3_600_000);
      assert.is(peer.calls.length, 1);
    },
  );
});

test("RetryInfo of an unsigned status is ignored", async () => {
  await withPeer(
    (received, attempt) =>
      attempt === 1
        ? unsigned(new SealwireError("UNAVAILABLE", "later", { retryDelayMs: 3_600_000 }))
        : honest(received),
    async (client) => assert.ok((await sum(client)).ok),
  );
});

test("a verified CLOCK_SKEW sets the clock by the signed time and repeats the call", async () => {
  const aheadMs = 3_600_000;
  await withPeer(
    (received) => {
      const skewed = Math.abs(Number(received.envelope.tsMs) - (Date.now() + aheadMs)) > 60_000;
      const tsMs = BigInt(Date.now() + aheadMs);
      return skewed ? refuse(credentials, received, new SealwireError("CLOCK_SKEW"), { tsMs }) : honest(received);
    },
    async (client, peer) => {
      assert.ok((await sum(client)).ok);
      assert.is(peer.calls.length, 2);
      assert.ok((await sum(client)).ok);
      assert.is(peer.calls.length, 3, "the correction is kept");
    },
  );
});

test("CLOCK_SKEW corrects a call's clock once", async () => {
  await withPeer(
    (received, attempt) =>
      refuse(credentials, received, new SealwireError("CLOCK_SKEW"), {
        tsMs: BigInt(Date.now() + attempt * 3_600_000),
      }),
    async (client, peer) => {
      assert.is((await thrownBy(() => sum(client))).reason, "CLOCK_SKEW");
      assert.is(peer.calls.length, 2);
    },
  );
});

test("CLOCK_SKEW never moves the clock by more than 24 hours", async () => {
  for (const sign of [1, -1]) {
    await withPeer(
      (received) =>
        refuse(credentials, received, new SealwireError("CLOCK_SKEW"), {
          tsMs: BigInt(Date.now() + sign * 86_500_000),
        }),
      async (client, peer) => {
        assert.is((await thrownBy(() => sum(client))).reason, "CLOCK_SKEW");
        await thrownBy(() => sum(client));
        for (const { envelope } of peer.calls) assert.ok(Math.abs(Number(envelope.tsMs) - Date.now()) < 60_000);
      },
    );
  }
});

test("REPLAYED for a fresh nonce is resolved under the same request id", async () => {
  await withPeer(
    (received, attempt) =>
      attempt === 1 ? refuse(credentials, received, new SealwireError("REPLAYED")) : honest(received),
    async (client, peer) => {
      assert.ok((await sum(client)).ok);
      assert.is(peer.calls[0]?.envelope.requestId, peer.calls[1]?.envelope.requestId);
    },
  );
});

test("REPLAYED to the end means that the outcome is unknown", async () => {
  await withPeer(
    (received) => refuse(credentials, received, new SealwireError("REPLAYED")),
    async (client) => {
      const error = await thrownBy(() => sum(client));
      assert.is(error.reason, "OUTCOME_UNKNOWN");
      assert.is((error.cause as SealwireError).reason, "REPLAYED");
    },
  );
});

test("a silent server costs no more than the time limit", async () => {
  await withPeer(
    () => "silence",
    async (client) => {
      const error = await thrownBy(() => sum(client, { timeoutMs: 60, requestId: "patience-1" }));
      assert.is(error.reason, "DEADLINE_EXCEEDED");
      assert.match(error.message, /patience-1/);
    },
  );
});

test("an aborted signal ends a call with its own reason, before and during it", async () => {
  await withPeer(
    () => "silence",
    async (client, peer) => {
      const reason = new SealwireError("CANCELLED", "changed my mind");
      assert.is(await thrownBy(() => sum(client, { signal: AbortSignal.abort(reason) })), reason);
      assert.is(peer.calls.length, 0);
      const controller = new AbortController();
      const pending = thrownBy(() => sum(client, { signal: controller.signal }));
      await eventually("the call has arrived", () => peer.calls.length === 1);
      controller.abort(reason);
      assert.is(await pending, reason);
    },
  );
});

test("closing the client ends its calls", async () => {
  await withPeer(
    () => "silence",
    async (client, peer) => {
      const pending = thrownBy(() => sum(client));
      await eventually("the call has arrived", () => peer.calls.length === 1);
      client.close();
      assert.is((await pending).reason, "CANCELLED");
      assert.is((await thrownBy(() => sum(client))).reason, "CANCELLED");
    },
  );
});

test("an answer above the size limit is refused and not asked for again", async () => {
  await withPeer(
    (received) => ok(credentials, received, { ...sumResult, value: Buffer.alloc(5000) }),
    async (client, peer) => {
      const error = await thrownBy(() => sum(client));
      assert.is(error.reason, "RESPONSE_UNVERIFIED");
      assert.is(error.status, "RESOURCE_EXHAUSTED");
      assert.is(peer.calls.length, 1);
    },
    { maxReceiveBytes: 4096 },
  );
});

test("what a peer says unsigned is shown on one line and cut", async () => {
  await withPeer(
    () => ({ code: status.INVALID_ARGUMENT, details: `a\nb\u001b[31m${"x".repeat(5000)}` }),
    async (client) => {
      const { message } = await thrownBy(() => sum(client));
      assert.match(message, /INVALID_ARGUMENT: a b \[31mx+…/);
      assert.ok(message.length < 400);
    },
  );
});

test("a trace context is sent as metadata if it is one", async () => {
  await withPeer(honest, async (client, peer) => {
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    await client.call("batch_sum", sumArgs, { traceparent });
    assert.equal(peer.calls[0]?.metadata.get("traceparent"), [traceparent]);
    await client.call("batch_sum", sumArgs, { traceparent, tracestate: "a=1,b=2" });
    assert.equal(peer.calls[1]?.metadata.get("tracestate"), ["a=1,b=2"]);
    for (const [bad, message] of [
      [{ traceparent: "x\ny" }, "is not a W3C traceparent"],
      [{ traceparent, tracestate: "ü" }, "tracestate must be"],
      [{ traceparent, tracestate: "x".repeat(513) }, "tracestate must be"],
      [{ tracestate: "a=1" }, "without traceparent"],
    ] as const) {
      const error = await thrownBy(() => client.call("batch_sum", sumArgs, bad));
      assert.is(error.reason, "OPTIONS_INVALID");
      assert.match(error.message, message);
    }
    assert.is(peer.calls.length, 2);
  });
});

test.run();
