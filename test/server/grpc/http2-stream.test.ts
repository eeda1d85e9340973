import { connect } from "node:http2";
import { gzipSync } from "node:zlib";
import type { ServerInterceptingCallInterface } from "@grpc/grpc-js";
import { intercept } from "../../../src/server/grpc/http2-stream.ts";
import { CALL_METHOD, CALL_STREAM_METHOD } from "../../../src/wire/limits.ts";
import { framed, openCall, statusOf } from "../../support/http-call.ts";
import { type RawRequest, signRaw } from "../../support/raw-client.ts";
import { startServer } from "../../support/running-server.ts";
import { assert, suite } from "../../support/suite.ts";

const IDENTITY: RawRequest = { tool: "server_identity", type: "sealwire.system.v1.ServerIdentityRequest" };

const test = suite("server/grpc/http2-stream");

test("a grpc-js that keeps its streams differently is noticed", () => {
  const call = { stream: undefined } as unknown as ServerInterceptingCallInterface;
  assert.throws(() => intercept(call, () => {}), /has other internals/);
});

test("a request is taken in whichever way its bytes are split", async () => {
  await using server = await startServer();
  const session = connect(`http://${server.address}`);
  for (const cut of [1, 4, 5, 6, 100]) {
    const bytes = framed(signRaw(server.credentials(), IDENTITY).frame);
    const stream = openCall(session, CALL_METHOD);
    await new Promise((resolve) => stream.write(bytes.subarray(0, cut), resolve));
    await new Promise((resolve) => session.ping(resolve));
    stream.end(bytes.subarray(cut));
    assert.is(await statusOf(stream), 0, `cut at ${cut}`);
  }
  session.destroy();
});

test("what follows the message of a unary call is ignored, whole or in part", async () => {
  await using server = await startServer();
  const session = connect(`http://${server.address}`);
  for (const rest of [
    Buffer.of(0),
    Buffer.of(0, 0, 16, 0, 0, 1),
    framed(Buffer.of(1, 2, 3)),
    Buffer.alloc(60_000, 255),
  ]) {
    const stream = openCall(session, CALL_METHOD);
    stream.write(Buffer.concat([framed(signRaw(server.credentials(), IDENTITY).frame), rest]));
    assert.is(await statusOf(stream), 0);
  }
  session.destroy();
});

test("a message that announces more than 1 MiB is refused before it comes", async () => {
  await using server = await startServer();
  const session = connect(`http://${server.address}`);
  for (const method of [CALL_METHOD, CALL_STREAM_METHOD]) {
    const stream = openCall(session, method);
    stream.write(Buffer.of(0, 0, 16, 0, 1));
    assert.is(await statusOf(stream), 8, method);
  }
  session.destroy();
});

test("a compressed request is taken in, in parts, too", async () => {
  await using server = await startServer();
  const session = connect(`http://${server.address}`);
  const bytes = framed(gzipSync(signRaw(server.credentials(), IDENTITY).frame));
  bytes[0] = 1;
  const stream = session.request({
    ":method": "POST",
    ":path": CALL_METHOD,
    "content-type": "application/grpc",
    te: "trailers",
    "grpc-encoding": "gzip",
  });
  await new Promise((resolve) => stream.write(bytes.subarray(0, 30), resolve));
  await new Promise((resolve) => session.ping(resolve));
  stream.end(bytes.subarray(30));
  assert.is(await statusOf(stream), 0);
  session.destroy();
});

test("frames of a call stream are taken in however they are split, and large ones that have to wait, too", async () => {
  await using server = await startServer({ limits: { unverifiedBytesMax: 1024 * 1024, requestTimeoutMs: 1000 } });
  const session = connect(`http://${server.address}`);
  const holder = openCall(session, CALL_METHOD);
  holder.write(Buffer.concat([Buffer.of(0, 0, 15, 0, 0), Buffer.alloc(10)]));
  await new Promise((resolve) => session.ping(resolve));
  const stream = openCall(session, CALL_STREAM_METHOD);
  const request = { ...IDENTITY, method: CALL_STREAM_METHOD };
  const large = {
    ...request,
    requestId: "large",
    value: Buffer.concat([Buffer.of(0x82, 0x7d, 0xf0, 0x93, 0x09), Buffer.alloc(150_000)]),
  };
  const frames = [request, large, request].map((each) => framed(signRaw(server.credentials(), each).frame));
  const bytes = Buffer.concat(frames);
  const ended = statusOf(stream);
  for (let at = 0; at < bytes.length; at += 7000) {
    stream.write(bytes.subarray(at, at + 7000));
    await new Promise((resolve) => setImmediate(resolve));
  }
  stream.end();
  assert.is(await statusOf(holder), 4);
  assert.is(await ended, 0);
  session.destroy();
});

test.run();
