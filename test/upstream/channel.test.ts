import { once } from "node:events";
import { createServer, type Http2Server, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { credentials, Metadata, status } from "@grpc/grpc-js";
import { type EndedBy, UpstreamChannel, type UpstreamStatus } from "../../src/upstream/channel.ts";
import { assert, suite } from "../support/suite.ts";

/* Who ended a call, told by what grpc-js makes of it. */
const test = suite("upstream/channel");

const PLAIN = { credentials: credentials.createInsecure(), options: {}, version: "" };
const HEADERS = { ":status": 200, "content-type": "application/grpc" };

/** A message with its prefix. */
function framed(...messages: readonly Buffer[]): Buffer {
  return Buffer.concat(
    messages.map((message) => {
      const prefix = Buffer.alloc(5);
      prefix.writeUInt32BE(message.length, 1);
      return Buffer.concat([prefix, message]);
    }),
  );
}

async function askWith(
  how: "unary" | "single",
  handle: (stream: ServerHttp2Stream, server: Http2Server) => void,
): Promise<Buffer | UpstreamStatus> {
  const server = createServer();
  server.on("stream", (stream) => {
    stream.on("error", () => {});
    stream.resume();
    handle(stream, server);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const channel = new UpstreamChannel(`127.0.0.1:${(server.address() as AddressInfo).port}`, PLAIN);
  try {
    return await channel[how]({
      path: "/a.v1.A/B",
      message: Buffer.from("x"),
      metadata: new Metadata(),
      deadlineMs: Date.now() + 10_000,
      signal: undefined,
    });
  } finally {
    channel.close();
    server.close();
  }
}

/** Answers with these messages and a status. */
const answering =
  (messages: readonly Buffer[], code: number, message = "") =>
  (stream: ServerHttp2Stream): void => {
    stream.respond(HEADERS, { waitForTrailers: true });
    stream.once("wantTrailers", () => stream.sendTrailers({ "grpc-status": String(code), "grpc-message": message }));
    stream.end(framed(...messages));
  };

const ENDS: readonly [string, (stream: ServerHttp2Stream) => void, status, EndedBy][] = [
  ["a status in trailers", answering([], status.NOT_FOUND, "no"), status.NOT_FOUND, "upstream"],
  ["UNAVAILABLE in trailers", answering([], status.UNAVAILABLE, "going away"), status.UNAVAILABLE, "upstream"],
  [
    "UNAVAILABLE without a message",
    (stream) => stream.respond({ ...HEADERS, "grpc-status": "14" }, { endStream: true }),
    status.UNAVAILABLE,
    "upstream",
  ],
  [
    "an answer that is compressed and does not say how",
    (stream) => {
      stream.respond(HEADERS);
      stream.end(Buffer.of(1, 0, 0, 0, 1, 65));
    },
    status.INTERNAL,
    "upstream",
  ],
  ["a refused stream", (stream) => stream.close(7), status.UNAVAILABLE, "unsent"],
  ["a socket that is destroyed", (stream) => stream.session?.socket.destroy(), status.UNAVAILABLE, "loss"],
  ["a session that is destroyed", (stream) => stream.session?.destroy(), status.UNAVAILABLE, "loss"],
  ["a connection that is reset", (stream) => reset(stream), status.UNAVAILABLE, "loss"],
  ["no message", answering([], status.OK), status.UNIMPLEMENTED, "count"],
  ["two messages", answering([Buffer.from("a"), Buffer.from("b")], status.OK), status.UNIMPLEMENTED, "count"],
  [
    "a message that is too large",
    answering([Buffer.alloc(3 * 1024 * 1024 + 1)], status.OK),
    status.RESOURCE_EXHAUSTED,
    "size",
  ],
];

function reset(stream: ServerHttp2Stream): void {
  // The session's socket is a proxy, which does not have the method.
  const { session } = stream;
  const handle = Object.getOwnPropertySymbols(session ?? {}).find((symbol) => symbol.description === "socket");
  const socket = (session as unknown as Record<symbol, { resetAndDestroy?: () => void }>)[handle as symbol];
  if (socket?.resetAndDestroy === undefined) session?.socket.destroy();
  else socket.resetAndDestroy();
}

for (const how of ["unary", "single"] as const)
  for (const [what, handle, code, by] of ENDS) {
    if (how === "unary" && what === "two messages") continue;
    test(`${what} ends a ${how} call by ${by}`, async () => {
      const end = await askWith(how, handle);
      assert.not.ok(Buffer.isBuffer(end));
      assert.equal(
        [(end as UpstreamStatus).code, (end as UpstreamStatus).by],
        [code, by],
        (end as UpstreamStatus).details,
      );
    });
  }

test("a page in HTML, and a stream without a status, are statuses that no tool has chosen", async () => {
  for (const handle of [
    (stream: ServerHttp2Stream) => {
      stream.respond({ ":status": 502, "content-type": "text/html" });
      stream.end("<html>Bad Gateway</html>");
    },
    (stream: ServerHttp2Stream) => {
      stream.respond(HEADERS);
      stream.end();
    },
  ]) {
    const end = (await askWith("unary", handle)) as UpstreamStatus;
    assert.ok([status.UNAVAILABLE, status.UNKNOWN, status.INTERNAL].includes(end.code), status[end.code]);
  }
});

test("nobody listens: the call has certainly not begun", async () => {
  const channel = new UpstreamChannel("127.0.0.1:1", PLAIN);
  const end = await channel.unary({
    path: "/a.v1.A/B",
    message: Buffer.from("x"),
    metadata: new Metadata(),
    deadlineMs: Date.now() + 5_000,
    signal: undefined,
  });
  channel.close();
  assert.equal([(end as UpstreamStatus).code, (end as UpstreamStatus).by], [status.UNAVAILABLE, "unsent"]);
});

test.run();
