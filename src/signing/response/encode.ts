import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { Any } from "../../../gen/google/protobuf/any.ts";
import { Response, Status } from "../../../gen/sealwire/v1/response.ts";
import { encodeMessage } from "../../wire/encode.ts";
import { fieldSize } from "../../wire/frame.ts";
import { LENGTH_DELIMITED } from "../../wire/wire-cursor.ts";

/** Results of at least this size are encoded without the generated encoder's copies, in bytes. */
const LARGE_RESULT_BYTES = 16 * 1024;

const RESULT_TAG = (7 << 3) | LENGTH_DELIMITED;
const VALUE_TAG = (2 << 3) | LENGTH_DELIMITED;
const NOTHING = new Uint8Array(0);
const BLANK = {
  v: "",
  requestId: "",
  tsMs: 0n,
  ok: false,
  serverId: "",
  status: Status.UNSPECIFIED,
  result: undefined,
};

/**
 * Serializes a Response. A large result is copied once. The generated encoder would copy it for each nested message and
 * each growth of its buffer. The bytes are the same.
 */
export function encodeResponse(response: Response): Uint8Array {
  const { result, error, job, sequence } = response;
  if (result === undefined || result.value.length < LARGE_RESULT_BYTES) return encodeMessage(Response, response);
  const { typeUrl, value } = result;
  const before = { ...response, result: undefined, error: undefined, job: undefined, sequence: 0n };
  const type = encodeMessage(Any, { typeUrl, value: NOTHING });
  const head = new BinaryWriter()
    .raw(encodeMessage(Response, before))
    .uint32(RESULT_TAG)
    .uint32(type.length + fieldSize(value.length))
    .raw(type)
    .uint32(VALUE_TAG)
    .uint32(value.length)
    .finish();
  return Buffer.concat([head, value, encodeMessage(Response, { ...BLANK, error, job, sequence })]);
}
