/** The start of an HTTP/2 connection: the client's preface and empty SETTINGS. */
export const CONNECTION_START = Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1"), frame(4, 0)]);

const END_HEADERS = 4;

/** HEADERS that open a stream, uncompressed. */
export function headersFrame(streamId: number, headers: Readonly<Record<string, string>>): Buffer {
  const fields = Object.entries(headers).flatMap(([name, value]) => [Buffer.of(0), text(name), text(value)]);
  return frame(1, streamId, { flags: END_HEADERS, payload: Buffer.concat(fields) });
}

/** RST_STREAM with an error code. */
export function resetFrame(streamId: number, code: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(code);
  return frame(3, streamId, { payload });
}

/** Any HTTP/2 frame. */
export function frame(
  type: number,
  streamId: number,
  { flags = 0, payload = Buffer.alloc(0) }: { readonly flags?: number; readonly payload?: Buffer } = {},
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(streamId, 5);
  return Buffer.concat([head, payload]);
}

/** A string literal of HPACK of at most 126 bytes. */
function text(value: string): Buffer {
  return Buffer.concat([Buffer.of(value.length), Buffer.from(value, "latin1")]);
}
