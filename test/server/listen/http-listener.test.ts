import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { connect } from "node:net";
import { systemClock } from "../../../src/runtime/clock.ts";
import { silentLogger } from "../../../src/runtime/logger.ts";
import { type HttpListener, listenForHttp } from "../../../src/server/listen/http-listener.ts";
import { assert, suite } from "../../support/suite.ts";

const test = suite("server/listen/http-listener");

/** Serves "/held", which is held and has no end, and "/". */
async function listener(connectionsMost: number): Promise<HttpListener> {
  const address = { kind: "tcp", host: "127.0.0.1", port: 0 } as const;
  const options = { what: "a test", address, connectionsMost, clock: systemClock, logger: silentLogger };
  const listening = await listenForHttp(options, ({ url, socket }, response) => {
    if (url !== "/held") {
      response.end("served");
      return;
    }
    const held = listening.hold(socket);
    response.once("close", () => held[Symbol.dispose]());
    response.write("held");
  });
  return listening;
}

/** The beginning of an answer. */
async function ask(origin: string, path: string): Promise<IncomingMessage> {
  const sent = request(`${origin}${path}`, { agent: false }).end();
  const [response] = await once(sent, "response");
  return response as IncomingMessage;
}

test("connections that are only kept open shut nobody out, and close none that is in use", async () => {
  await using listening = await listener(8);
  const held = await ask(listening.origin, "/held");
  const { hostname, port } = new URL(listening.origin);
  const silent = Array.from({ length: 20 }, () => connect(Number(port), hostname).on("error", () => {}));
  await Promise.all(silent.map((socket) => once(socket, "connect")));
  for (let n = 0; n < 3; n += 1) assert.is((await ask(listening.origin, "/")).statusCode, 200);
  assert.is(held.destroyed, false);
  assert.is((await held.setEncoding("utf8")[Symbol.asyncIterator]().next()).value, "held");
  for (const socket of silent) socket.destroy();
});

test("when all connections are in use, a new one is closed, and one that has ended makes room", async () => {
  await using listening = await listener(2);
  const held = [await ask(listening.origin, "/held"), await ask(listening.origin, "/held")];
  const refused = await ask(listening.origin, "/").then(
    () => "served",
    () => "closed",
  );
  assert.is(refused, "closed");
  for (const response of held) assert.is(response.destroyed, false);
  held[0]?.destroy();
  const { hostname, port } = new URL(listening.origin);
  for (let served = false; !served; ) {
    served = await ask(`http://${hostname}:${port}`, "/").then(
      () => true,
      () => false,
    );
  }
});

test("a peer that does not wait for its answers, or names several hosts, is cut off", async () => {
  let served = 0;
  const address = { kind: "tcp", host: "127.0.0.1", port: 0 } as const;
  const options = { what: "a test", address, connectionsMost: 8, clock: systemClock, logger: silentLogger };
  await using listening = await listenForHttp(options, (_request, response) => {
    served += 1;
    void Promise.resolve().then(() => response.end("x".repeat(1_000)));
  });
  const { hostname, port, host } = new URL(listening.origin);
  const send = async (text: string): Promise<string> => {
    const socket = connect(Number(port), hostname).on("error", () => {});
    let answer = "";
    socket.setEncoding("latin1").on("data", (part) => {
      answer += part;
    });
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.end(text);
    await closed;
    return answer;
  };
  const one = `GET / HTTP/1.1\r\nhost: ${host}\r\n\r\n`;
  assert.match(await send(one), /^HTTP\/1\.1 200 /);
  await send(one.repeat(5_000));
  assert.ok(served < 10, String(served));
  assert.is(await send(one.replace("\r\n\r\n", "\r\nhost: evil.example\r\n\r\n")), "");
});

test.run();
