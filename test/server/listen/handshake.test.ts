import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import { CALL_METHOD } from "../../../src/wire/limits.ts";
import { framed, openCall, statusOf } from "../../support/http-call.ts";
import { RawClient, type RawRequest, signRaw } from "../../support/raw-client.ts";
import { startServer, type TestServer } from "../../support/running-server.ts";
import { assert, suite } from "../../support/suite.ts";

const IDENTITY: RawRequest = { tool: "server_identity", type: "sealwire.system.v1.ServerIdentityRequest" };
const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

const test = suite("server/listen/handshake");

function openFrom({ address }: TestServer, localAddress: string): Socket {
  const [host, port] = address.split(":");
  return connect({ host: host as string, port: Number(port), localAddress });
}

function open(server: TestServer): Socket {
  const socket = openFrom(server, "127.0.0.1");
  socket.on("error", () => {});
  socket.resume();
  return socket;
}

test("a connection that does not come to speak HTTP/2 is closed in time, one that does is not", async () => {
  await using server = await startServer({ limits: { handshakeTimeoutMs: 200 } });
  const talking = connectHttp2(`http://${server.address}`);
  await once(talking, "remoteSettings");
  const starts = [
    "",
    PREFACE.subarray(0, 10),
    PREFACE,
    Buffer.concat([PREFACE, Buffer.of(0, 0, 6, 4, 0, 0, 0, 0, 0, 1)]),
  ];
  const closed = starts.map((start) => {
    const socket = open(server);
    socket.write(start);
    return once(socket, "close");
  });
  await Promise.all(closed);
  const stream = openCall(talking, CALL_METHOD);
  stream.end(framed(signRaw(server.credentials(), IDENTITY).frame));
  assert.is(await statusOf(stream), 0);
  talking.destroy();
});

test("a connection that speaks something else is closed at once", async () => {
  await using server = await startServer();
  for (const start of ["GET / HTTP/1.1\r\n\r\n", Buffer.concat([PREFACE, Buffer.of(0, 0, 0, 0, 0, 0, 0, 0, 0)])]) {
    const socket = open(server);
    socket.write(start);
    await once(socket, "close");
  }
});

test("a preface in pieces is put together", async () => {
  await using server = await startServer();
  const socket = open(server);
  socket.setNoDelay(true);
  const settings = Buffer.concat([PREFACE, Buffer.of(0, 0, 0, 4, 0, 0, 0, 0, 0)]);
  for (const byte of settings) await new Promise((resolve) => socket.write(Buffer.of(byte), resolve));
  const [answer] = (await once(socket, "data")) as [Buffer];
  assert.is(answer[3], 4, "the server answers with its settings");
  socket.destroy();
});

test("one address has only so many connections, another has its own", async () => {
  await using server = await startServer({ limits: { connectionsPerPeerMax: 2 } });
  using client = new RawClient(server.address, server.credentials());
  assert.is((await client.call(IDENTITY)).code, 0);
  const second = open(server);
  await once(second, "connect");
  await once(open(server), "close");
  const other = connectHttp2(`http://${server.address}`, { createConnection: () => openFrom(server, "127.0.0.2") });
  await once(other, "remoteSettings");
  assert.is((await client.call(IDENTITY)).code, 0);
  other.destroy();
  second.destroy();
});

test.run();
