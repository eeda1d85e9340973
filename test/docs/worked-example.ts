import { createSecretKey } from "node:crypto";
import { BatchSumRequest, BatchSumResponse } from "../../gen/sealwire/demo/v1/batch_sum.ts";
import { Response, Status } from "../../gen/sealwire/v1/response.ts";
import { canonicalize } from "../../src/signing/canonical.ts";
import { deriveRequestKey, deriveResponseKey, fingerprint } from "../../src/signing/derivation.ts";
import { formatRequestKey, formatResponseKey } from "../../src/signing/key-text.ts";
import { macKey } from "../../src/signing/mac.ts";
import { signRequest } from "../../src/signing/request/sign.ts";
import { requestSigningInput } from "../../src/signing/request/signature.ts";
import { signResponse } from "../../src/signing/response/sign.ts";
import { responseSigningInput } from "../../src/signing/response/signature.ts";
import { builtinImage, messageDesc } from "../../src/wire/descriptors.ts";
import { readFrame } from "../../src/wire/frame.ts";
import { CALL_METHOD, TYPE_URL_PREFIX } from "../../src/wire/limits.ts";

/** Everything that docs/protocol.md shows of its worked example, by the name it has there. */
export interface WorkedExample {
  readonly texts: Readonly<Record<string, string>>;
  readonly bytes: Readonly<Record<string, Uint8Array>>;
}

const CLIENT_ID = "reports";
const KEY_ID = "k_example";
const SERVER_ID = "calculator";
const REQUEST_ID = "0b5e7f3c-7c0f-4e0e-9a55-3d1f6f1c2a10";
const TS_MS = Date.parse("2026-11-22T12:00:00Z");

/** Computes the worked example with the code that servers and clients run. */
export function workedExample(): WorkedExample {
  const serverSecret = createSecretKey(Buffer.from(Array.from({ length: 32 }, (_, index) => index)));
  const requestKey = deriveRequestKey(serverSecret, CLIENT_ID, KEY_ID);
  const responseKey = deriveResponseKey(serverSecret, CLIENT_ID, KEY_ID);

  const args = canonicalize(
    BatchSumRequest.encode({ numbers: [1, 2, 3.5] }).finish(),
    messageDesc(builtinImage(), "sealwire.demo.v1.BatchSumRequest"),
  );
  const request = signRequest({
    method: CALL_METHOD,
    clientId: CLIENT_ID,
    keyId: KEY_ID,
    requestKey: macKey(requestKey),
    serverId: SERVER_ID,
    requestId: REQUEST_ID,
    tool: "batch_sum",
    args: { typeUrl: `${TYPE_URL_PREFIX}sealwire.demo.v1.BatchSumRequest`, value: args },
    tsMs: TS_MS,
    nonce: Buffer.from("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff", "hex"),
  });

  const answer: Response = {
    v: "mcp/0.1",
    requestId: REQUEST_ID,
    tsMs: BigInt(TS_MS + 5),
    ok: true,
    serverId: SERVER_ID,
    status: Status.OK,
    result: {
      typeUrl: `${TYPE_URL_PREFIX}sealwire.demo.v1.BatchSumResponse`,
      value: BatchSumResponse.encode({ count: 3, total: 6.5 }).finish(),
    },
    error: undefined,
    job: undefined,
    sequence: 0n,
  };
  const response = Response.encode(answer).finish();
  const responseFrame = signResponse({ keyId: KEY_ID, responseKey: macKey(responseKey) }, request.signature, answer);

  return {
    texts: {
      request_key: formatRequestKey(requestKey),
      response_key: formatResponseKey(responseKey),
      server_fingerprint: fingerprint(serverSecret),
    },
    bytes: {
      "server secret": serverSecret.export(),
      "request key": requestKey,
      "response key": responseKey,
      "args.value": args,
      Envelope: request.envelope,
      "request signing input": requestSigningInput({ method: CALL_METHOD, keyId: KEY_ID, envelope: request.envelope }),
      "request signature": request.signature,
      CallRequest: request.frame,
      Response: response,
      "response signing input": responseSigningInput({ requestSignature: request.signature, response }),
      "response signature": readFrame(responseFrame).signature,
      CallResponse: responseFrame,
    },
  };
}
