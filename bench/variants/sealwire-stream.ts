import { readFrame } from "../../src/wire/frame.ts";
import { CALL_STREAM_METHOD } from "../../src/wire/limits.ts";
import { numbersCall, SignedCalls } from "../load/signed-calls.ts";
import { StreamLoad } from "../load/stream-load.ts";
import type { SealwireTarget } from "./sealwire.ts";
import { sealwireOn } from "./sealwire-stores.ts";
import type { Variant } from "./variant.ts";
import { RESULT } from "./work.ts";

/** Complete Sealwire on SQLite, with all calls on one stream. */
export const sealwireStream: Variant<SealwireTarget> = {
  title: "Sealwire on SQLite, over one stream",
  serve: () => sealwireOn("sqlite").serve(),

  connect({ address, credentials }) {
    const calls = new SignedCalls(credentials, numbersCall("batch_sum", CALL_STREAM_METHOD));
    return StreamLoad.connect({
      address,
      path: calls.method,
      makeMessage: () => calls.nextNamed(),
      idOf: requestIdOf,
      expected: RESULT,
    });
  },
};

/** Offset of the length of the request id, which follows field 1 of a Response, `mcp/0.1`. */
const REQUEST_ID_LENGTH_AT = 10;

function requestIdOf(answer: Buffer): string {
  const response = Buffer.from(readFrame(answer).content);
  const start = REQUEST_ID_LENGTH_AT + 1;
  return response.toString("latin1", start, start + (response[REQUEST_ID_LENGTH_AT] ?? 0));
}
