import type { IncomingMessage } from "node:http";
import { type Answer, refusal } from "./answer.ts";

const BODY_MOST_BYTES = 262_144;

/** The parsed body of a request, or the answer that refuses it. */
export type ParsedBody = { readonly json: unknown } | { readonly refused: Answer };

/** Reads a JSON body. Default of `mostBytes`: 256 KiB. */
export async function readJsonBody(request: IncomingMessage, mostBytes = BODY_MOST_BYTES): Promise<ParsedBody> {
  const type = request.headers["content-type"] ?? "";
  // A form of another page cannot send this type without asking first.
  if (!/^application\/json *(;|$)/i.test(type)) {
    return { refused: refusal(415, "ARGS_INVALID", { message: "Send JSON as content-type: application/json." }) };
  }
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > mostBytes) {
        const headers = { connection: "close" };
        const message = `The body is larger than ${mostBytes} bytes.`;
        return { refused: refusal(413, "ARGS_INVALID", { message, headers }) };
      }
      chunks.push(chunk);
    }
  } catch {
    // Nobody reads this answer: the peer has gone, or was too slow.
    return { refused: refusal(400, "ARGS_INVALID", { message: "The body has no end." }) };
  }
  try {
    return { json: JSON.parse(Buffer.concat(chunks).toString("utf8")) };
  } catch {
    return { refused: refusal(400, "ARGS_INVALID", { message: "The body is not JSON." }) };
  }
}
