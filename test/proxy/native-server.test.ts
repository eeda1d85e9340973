import { once } from "node:events";
import { connect as connectHttp2, type IncomingHttpHeaders } from "node:http2";
import { createServer } from "node:net";
import { status } from "@grpc/grpc-js";
import { SealwireError } from "../../src/errors.ts";
import { NativeServer, type Refusal } from "../../src/proxy/native-server.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { toGrpcFailure } from "../../src/wire/status.ts";
import { assert, suite } from "../support/suite.ts";
import { NativeClient } from "./native-client.ts";

/* The internals of grpc-js that a proxy depends on. */
const test = suite("proxy/native-server");

/** A server that answers every call with its path. */
async function echoServer(admit: (headers: IncomingHttpHeaders) => Refusal | undefined) {
  const server = new NativeServer({
    options: {},
    clock: systemClock,
    admit,
    serve(stream) {
      stream.on("data", () => stream.write(Buffer.from(stream.getPath())));
      stream.on("end", () => stream.end());
    },
  });
  const listener = createServer((socket) => server.inject(socket));
  await once(listener.listen(0, "127.0.0.1"), "listening");
  const address = listener.address();
  const port = typeof address === "object" ? address?.port : 0;
  const native = new NativeClient(`127.0.0.1:${port}`);
  return {
    native,
    port,
    async [Symbol.asyncDispose]() {
      native[Symbol.dispose]();
      server.close();
      const closed = new Promise((resolve) => listener.close(resolve));
      server.grpc.forceShutdown();
      await closed;
    },
  };
}

test("calls of any path are served, again and at the same time", async () => {
  await using server = await echoServer(() => undefined);
  const paths = ["a.B/C", "a.B/C", "a.B/D", "x", "a/b/c"];
  const answers = await Promise.all(paths.map((path) => server.native.call(path, Buffer.from("?"))));
  assert.equal(
    answers.map(({ messages }) => String(messages[0])),
    paths.map((path) => `/${path}`),
  );
  assert.is(String((await server.native.call("a.B/C", Buffer.from("?"))).messages[0]), "/a.B/C");
});

test("every header is known before a call is served, the content type among them", async () => {
  const seen: IncomingHttpHeaders[] = [];
  await using server = await echoServer((headers) => {
    seen.push(headers);
    return { httpStatus: 403 };
  });
  const session = connectHttp2(`http://127.0.0.1:${server.port}`);
  const stream = session.request({
    ":method": "POST",
    ":path": "/x",
    "content-type": "application/grpc-web",
    origin: "o",
  });
  const [response] = await once(stream, "response");
  session.destroy();
  assert.is(response[":status"], 403);
  const [headers] = seen;
  assert.equal([headers?.["content-type"], headers?.origin, headers?.[":path"]], ["application/grpc-web", "o", "/x"]);
});

test("a refused call ends with its status, whatever was sent", async () => {
  await using server = await echoServer(() => toGrpcFailure(new SealwireError("DRAINING", "later ü")));
  for (const bytes of [0, 1, 1_000_000, ...Array.from({ length: 50 }, () => 100)]) {
    const answer = await server.native.call("a.B/C", Buffer.alloc(bytes));
    assert.equal([answer.code, answer.details], [status.UNAVAILABLE, "later ü"], String(bytes));
  }
});

test.run();
