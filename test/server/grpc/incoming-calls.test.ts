import { once } from "node:events";
import { connect as connectHttp2, constants } from "node:http2";
import { connect } from "node:net";
import { Server } from "@grpc/grpc-js";
import { interceptCalls } from "../../../src/server/grpc/incoming-calls.ts";
import { CALL_METHOD } from "../../../src/wire/limits.ts";
import { framed, statusOf } from "../../support/http-call.ts";
import { CONNECTION_START, frame, headersFrame, resetFrame } from "../../support/http2-frames.ts";
import { type RawRequest, signRaw } from "../../support/raw-client.ts";
import { startServer } from "../../support/running-server.ts";
import { assert, suite } from "../../support/suite.ts";

const IDENTITY: RawRequest = { tool: "server_identity", type: "sealwire.system.v1.ServerIdentityRequest" };
const HEADERS = { ":method": "POST", ":scheme": "http", ":authority": "localhost" };

const test = suite("server/grpc/incoming-calls");

/** Errors that reached the process. */
const strays: unknown[] = [];
const onStray = (error: unknown): void => void strays.push(error);
test.before(() => {
  process.on("uncaughtException", onStray);
});
test.after(() => {
  process.off("uncaughtException", onStray);
});

test("a grpc-js that keeps its HTTP/2 servers differently is noticed", () => {
  assert.throws(() => interceptCalls(new Server()), /has other internals/);
});

test("a call that is reset in the packet that opens it leaves no error, whatever it asks for", async () => {
  await using server = await startServer();
  const { NGHTTP2_CANCEL, NGHTTP2_INTERNAL_ERROR } = constants;
  const ends = [
    resetFrame(1, NGHTTP2_CANCEL),
    resetFrame(1, NGHTTP2_INTERNAL_ERROR),
    // A CONTINUATION of nothing ends the connection.
    frame(9, 1),
  ];
  const calls = [
    { ":path": CALL_METHOD, "content-type": "application/grpc" },
    { ":path": "/no.Such/Method", "content-type": "application/grpc" },
    { ":path": CALL_METHOD, "content-type": "text/plain" },
  ];
  const [host = "", port] = server.address.split(":");
  for (const end of ends) {
    for (const call of calls) {
      const socket = connect({ host, port: Number(port) });
      socket.on("error", () => {});
      socket.write(Buffer.concat([CONNECTION_START, headersFrame(1, { ...HEADERS, ...call }), end]));
      await once(socket, "data");
      await server.client().identity();
      socket.destroy();
    }
  }
  assert.equal(strays, []);
});

test("a deadline that is further away than timers reach does not end the call", async () => {
  await using server = await startServer();
  const session = connectHttp2(`http://${server.address}`);
  for (const timeout of ["2147483647m", "2147484S", "720H", "99999999H"]) {
    const stream = session.request({
      ":method": "POST",
      ":path": CALL_METHOD,
      "content-type": "application/grpc",
      te: "trailers",
      "grpc-timeout": timeout,
    });
    // Time for a timer of grpc-js that is due at once.
    await new Promise((resolve) => session.ping(resolve));
    await new Promise((resolve) => setTimeout(resolve, 20));
    stream.end(framed(signRaw(server.credentials(), IDENTITY).frame));
    assert.is(await statusOf(stream), 0, timeout);
  }
  session.destroy();
});

test.run();
