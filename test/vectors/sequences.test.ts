import { readFileSync } from "node:fs";
import { SealwireError } from "../../src/errors.ts";
import { silentLogger } from "../../src/runtime/logger.ts";
import { Admission } from "../../src/server/request/admission.ts";
import { RefusedFrameCache } from "../../src/server/request/refused-frame-cache.ts";
import { type RequestServices, SignedRequest } from "../../src/server/request/request.ts";
import { mac, macKey } from "../../src/signing/mac.ts";
import { requestSigningInput } from "../../src/signing/request/signature.ts";
import {
  type AuthenticatedRequest,
  createRequestAuthenticator,
  type RequestAuthenticator,
} from "../../src/signing/request/verify.ts";
import { builtinImage } from "../../src/wire/descriptors.ts";
import { SqliteUnderTest } from "../contract/sqlite-under-test.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { assert, suite } from "../support/suite.ts";
import { hex } from "../validation/sample-image.ts";
import type { SequenceVectors, Step } from "./sequence-cases.ts";
import { ringOf, toHex } from "./vector-file.ts";

const test = suite("vectors/sequences");

const sequences = JSON.parse(readFileSync(new URL("sequences.json", import.meta.url), "utf8")) as SequenceVectors;
const window = { maxAgeMs: Number(sequences.maxAgeMs), maxAheadMs: Number(sequences.maxAheadMs) };

for (const { id, flag, comment, steps } of sequences.cases) {
  test(`sequence ${id}, ${flag}: ${comment}`, async () => {
    const [{ nowMs, keys }] = steps as [Step];
    const clock = new FakeClock(Number(nowMs));
    let ring = ringOf(sequences.serverId, keys);
    await using under = await SqliteUnderTest.open(clock);
    const authenticator = createRequestAuthenticator({
      ring: () => ring,
      image: builtinImage(),
      clock,
      canonicalRetriesPerSecond: 1e9,
    });
    const { replay } = under.store;
    await replay.widen(window);
    const services = {
      authenticator,
      ring: () => ring,
      admission: new Admission({ clock, callStreamsPerKeyMax: 1 }),
      refused: new RefusedFrameCache({ clock, ...window }),
      replay,
      window,
      clock,
      logger: silentLogger,
      observers: [],
      tracing: undefined,
      onKeyUsed: () => {},
    };
    for (const step of steps) {
      checkSignature(step);
      clock.step(Number(step.nowMs) - clock.nowMs());
      ring = ringOf(sequences.serverId, step.keys);
      assert.equal(await judge(services, step), { result: step.result, envelope: step.envelope }, step.comment);
      // What is forgotten must not come back with the clock.
      await replay.sweep();
    }
  });
}

function checkSignature({ signed, keys }: Step): void {
  const key = keys.find(({ keyId }) => keyId === signed.key)?.requestKey ?? signed.key;
  const input = requestSigningInput({ ...signed, envelope: hex(signed.envelope) });
  assert.is(toHex(input), signed.signingInput);
  assert.is(toHex(mac(macKey(hex(key)), input)), signed.signature);
}

async function judge(services: RequestServices, { received }: Step): Promise<Pick<Step, "result" | "envelope">> {
  let authenticated: AuthenticatedRequest | undefined;
  const authenticator: RequestAuthenticator = {
    authenticate: (method, bytes) => {
      authenticated = services.authenticator.authenticate(method, bytes);
      return authenticated;
    },
  };
  const { method } = received;
  const request = new SignedRequest(
    { ...services, authenticator },
    { method, peer: "vectors", traceparent: undefined, tracestate: undefined, deadlineMs: Infinity },
  );
  try {
    request.authenticate(hex(received.frame));
    await request.accept();
    const { envelope } = authenticated as unknown as AuthenticatedRequest;
    request.end(0);
    return { result: "valid", envelope: toHex(envelope) };
  } catch (error) {
    assert.instance(error, SealwireError);
    return { result: (error as SealwireError).reason, envelope: null };
  }
}

test.run();
