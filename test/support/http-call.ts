import { type ClientHttp2Session, type ClientHttp2Stream, constants } from "node:http2";

/** Opens a call on the HTTP/2 level, for requests that no gRPC client sends. */
export function openCall(session: ClientHttp2Session, path: string): ClientHttp2Stream {
  return session.request(
    {
      [constants.HTTP2_HEADER_METHOD]: constants.HTTP2_METHOD_POST,
      [constants.HTTP2_HEADER_PATH]: path,
      [constants.HTTP2_HEADER_CONTENT_TYPE]: "application/grpc",
      [constants.HTTP2_HEADER_TE]: "trailers",
    },
    { endStream: false },
  );
}

/** An uncompressed gRPC message with its length prefix. */
export function framed(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** Reads a call to its end and resolves to its gRPC status. */
export function statusOf(stream: ClientHttp2Stream): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const take = ({ "grpc-status": status }: Record<string, unknown>): void => {
    if (status !== undefined) resolve(Number(status));
  };
  stream.on("response", take);
  stream.on("trailers", take);
  stream.on("error", reject);
  stream.on("close", () => reject(new Error("the call ended without a status")));
  stream.resume();
  return promise;
}
