import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { type ClientHttp2Session, connect as connectHttp2, constants } from "node:http2";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { status } from "@grpc/grpc-js";
import { readOneToken } from "../../src/files/token-lines.ts";
import { createProxy } from "../../src/proxy/proxy.ts";
import { framed } from "../support/http-call.ts";
import { CONNECTION_START, headersFrame, resetFrame } from "../support/http2-frames.ts";
import { rejection } from "../support/rejection.ts";
import { startServer, type TestServer } from "../support/running-server.ts";
import { assert, suite } from "../support/suite.ts";
import { testArgs } from "../support/test-service.ts";
import { NativeClient } from "./native-client.ts";
import { type RunningProxy, startProxy } from "./running-proxy.ts";

/* Who may call through a proxy, and who gets nothing. */
const test = suite("proxy/callers");

const SUM = "sealwire.demo.v1.DemoToolService/BatchSum";
const TOKEN = "0123456789abcdef0123456789abcdef";
const NOBODY = 65_534;

let server: TestServer;

test.before(async () => {
  server = await startServer();
});
test.after(() => server?.[Symbol.asyncDispose]());

const client = () => server.client("alice", { pipeline: false });

/** A proxy on a TCP port. */
function onPort(): Promise<RunningProxy> {
  return startProxy(client(), { listen: "127.0.0.1:0", allowAllLocalUsers: true });
}

function socketOf({ proxy }: RunningProxy): string {
  return proxy.address.slice("unix:".length);
}

/** Calls over HTTP/2 with headers of the caller's choice; those set to undefined are not sent. */
async function request(session: ClientHttp2Session, headers: Readonly<Record<string, string | undefined>>) {
  const given = {
    [constants.HTTP2_HEADER_METHOD]: "POST",
    [constants.HTTP2_HEADER_PATH]: `/${SUM}`,
    [constants.HTTP2_HEADER_CONTENT_TYPE]: "application/grpc",
    [constants.HTTP2_HEADER_TE]: "trailers",
    ...headers,
  };
  const stream = session.request(Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)));
  stream.end(framed(testArgs(1)));
  const [received] = await once(stream, "response");
  const [trailers] = received["grpc-status"] === undefined ? await trailersOf(stream) : [received];
  return { http: received[":status"], grpc: trailers?.["grpc-status"], message: trailers?.["grpc-message"] };
}

function trailersOf(stream: ReturnType<ClientHttp2Session["request"]>): Promise<[Record<string, string>?]> {
  stream.resume();
  return Promise.race([once(stream, "trailers"), once(stream, "close").then(() => [])]) as Promise<
    [Record<string, string>?]
  >;
}

async function withSession(proxy: RunningProxy, body: (session: ClientHttp2Session) => Promise<void>): Promise<void> {
  const session = connectHttp2(`http://${proxy.proxy.address}`);
  try {
    await body(session);
  } finally {
    session.destroy();
  }
}

test("a browser's headers are refused before anything is signed, and get no answer but a status", async () => {
  await using proxy = await onPort();
  await withSession(proxy, async (session) => {
    assert.equal(await request(session, {}), { http: 200, grpc: "0", message: "OK" });
    for (const headers of [
      { origin: "https://example.com" },
      { origin: `http://${proxy.proxy.address}` },
      { origin: "null" },
      { "sec-fetch-mode": "cors" },
      { "sec-fetch-site": "same-origin" },
    ])
      assert.equal(await request(session, headers), { http: 403, grpc: undefined, message: undefined });
    const preflight = { [constants.HTTP2_HEADER_METHOD]: "OPTIONS", "content-type": undefined };
    assert.is((await request(session, preflight)).http, 405);
  });
  assert.is(proxy.log.filter(({ message }) => message === "call refused").length, 1);
});

test("what is not gRPC is not served: JSON, gRPC-Web, Connect, other methods", async () => {
  await using proxy = await onPort();
  await withSession(proxy, async (session) => {
    for (const type of ["application/json", "application/grpc-web", "application/grpc-web+proto", "application/proto"])
      assert.is((await request(session, { "content-type": type })).http, 415, type);
    assert.is((await request(session, { "content-type": undefined })).http, 415);
    for (const type of ["application/grpc", "application/grpc+proto", "application/grpc+json"])
      assert.is((await request(session, { "content-type": type })).grpc, "0", type);
    assert.is((await request(session, { [constants.HTTP2_HEADER_METHOD]: "PUT" })).http, 405);
  });
});

test("fetch gets nothing: HTTP/1.1 is not spoken", async () => {
  await using proxy = await onPort();
  const url = `http://${proxy.proxy.address}/${SUM}`;
  const headers = { "content-type": "application/grpc-web+proto" };
  for (const init of [{}, { method: "POST", body: "x", headers }, { method: "OPTIONS" }])
    assert.instance(await fetch(url, init).catch((error) => error), TypeError);
  const socket = connect({ host: "127.0.0.1", port: Number(proxy.proxy.address.split(":")[1]) });
  socket.end("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  assert.is(await text(socket), "");
});

test("a name that leads to loopback is not the proxy's own", async () => {
  await using proxy = await onPort();
  const port = proxy.proxy.address.split(":")[1];
  await withSession(proxy, async (session) => {
    for (const authority of [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`, `127.0.0.2:${port}`])
      assert.is((await request(session, { [constants.HTTP2_HEADER_AUTHORITY]: authority })).grpc, "0", authority);
    for (const authority of [`evil.example:${port}`, "localhost", "localhost:1", `localhost.evil.example:${port}`]) {
      const { grpc, message } = await request(session, { [constants.HTTP2_HEADER_AUTHORITY]: authority });
      assert.is(Number(grpc), status.PERMISSION_DENIED, authority);
      assert.match(decodeURI(String(message)), "Call the proxy as localhost");
    }
  });
});

test("a request id that gRPC would drop is refused by name, so that a repeated call is not a new intent", async () => {
  await using proxy = await onPort();
  await withSession(proxy, async (session) => {
    for (const key of ["sealwire-request-id", "sealwire-cancel-on-abandon"]) {
      const { grpc, message } = await request(session, { [key]: "caf\u00e9" });
      assert.is(Number(grpc), status.INVALID_ARGUMENT, key);
      assert.is(decodeURI(String(message)), `The metadata ${key} must be printable ASCII.`);
    }
  });
});

test("with a token, only callers that send it are served", async () => {
  await using proxy = await startProxy(client(), { listen: "127.0.0.1:0", token: TOKEN });
  const call = async (authorization?: string) =>
    (await proxy.native.call(SUM, testArgs(1), authorization === undefined ? {} : { metadata: { authorization } }))
      .code;
  assert.equal(await Promise.all([call(`Bearer ${TOKEN}`), call(`bearer ${TOKEN}`)]), [status.OK, status.OK]);
  const wrong = [undefined, TOKEN, "Bearer", `Bearer ${TOKEN}0`, `Bearer ${TOKEN.slice(1)}`, `Basic ${TOKEN}`];
  for (const authorization of wrong) assert.is(await call(authorization), status.UNAUTHENTICATED, authorization);
  for (const method of [
    "grpc.health.v1.Health/Check",
    "grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "x/y",
  ])
    assert.is((await proxy.native.call(method, new Uint8Array())).code, status.UNAUTHENTICATED, method);
  assert.not.match(JSON.stringify(proxy.log), TOKEN);
});

test("a TCP port needs a token or the word that all users may call, and loopback in any case", async () => {
  const start = (options: object) =>
    rejection("OPTIONS_INVALID", createProxy({ client: client(), listen: "127.0.0.1:0", ...options }));
  assert.match((await start({})).message, "--token-file FILE, or a unix socket, or --allow-all-local-users");
  assert.match((await start({ token: TOKEN, allowAllLocalUsers: true })).message, "one of both");
  for (const listen of ["0.0.0.0:0", "[::]:0", "192.0.2.1:50052"])
    assert.match((await start({ listen, token: TOKEN })).message, "listens on this machine only");
});

test("the socket is its user's alone, in a folder that is, too", async () => {
  await using proxy = await startProxy(client());
  const path = socketOf(proxy);
  assert.is(statSync(path).mode & 0o777, 0o600);
  assert.is(statSync(dirname(path)).mode & 0o777, 0o700);
});

test("a missing folder is made with mode 0700, one that others can enter is refused", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sealwire-proxy-"));
  try {
    const listen = `unix:${join(folder, "made", "p.sock")}`;
    await (await createProxy({ client: client(), listen }))[Symbol.asyncDispose]();
    assert.is(statSync(join(folder, "made")).mode & 0o777, 0o700);
    const open = join(folder, "open");
    mkdirSync(open);
    for (const mode of [0o755, 0o710, 0o701, 0o777]) {
      chmodSync(open, mode);
      const refused = await rejection(
        "OPTIONS_INVALID",
        createProxy({ client: client(), listen: `unix:${join(open, "p.sock")}` }),
      );
      assert.match(refused.message, `chmod 700 ${open}`);
    }
    symlinkSync(open, join(folder, "link"));
    await rejection(
      "OPTIONS_INVALID",
      createProxy({ client: client(), listen: `unix:${join(folder, "link", "p.sock")}` }),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a folder that others can replace is refused", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sealwire-proxy-"));
  try {
    chmodSync(folder, 0o777);
    const start = () => createProxy({ client: client(), listen: `unix:${join(folder, "made", "p.sock")}` });
    const refused = await rejection("OPTIONS_INVALID", start());
    assert.match(refused.message, `other users can write to ${folder}, so chmod o-w it`);
    chmodSync(folder, 0o1777);
    await (await start())[Symbol.asyncDispose]();
  } finally {
    rmSync(folder, { recursive: true });
  }
});

const another = "another user of this machine reaches neither the socket nor its folder";
if (process.geteuid?.() !== 0) {
  test.skip(another, "needs root, to become another user");
} else {
  test(another, async () => {
    await using proxy = await startProxy(client());
    const path = socketOf(proxy);
    const asNobody = (): string => {
      // A Node that any user may run is not a given; Perl is a part of every Debian and of git.
      const script =
        "use Socket; socket(S, PF_UNIX, SOCK_STREAM, 0); print connect(S, sockaddr_un($ARGV[0])) ? 'in' : $!";
      const { stdout, error } = spawnSync("/usr/bin/perl", ["-e", script, path], {
        uid: NOBODY,
        gid: NOBODY,
        cwd: "/",
      });
      return error?.message ?? String(stdout);
    };
    assert.is(asNobody(), "Permission denied");
    chmodSync(dirname(path), 0o755);
    assert.is(asNobody(), "Permission denied");
    chmodSync(path, 0o666);
    assert.is(asNobody(), "in");
  });
}

test("a token file is private and holds one token that cannot be guessed", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sealwire-token-"));
  const path = join(folder, "token");
  try {
    writeFileSync(path, `${TOKEN}\n`, { mode: 0o600 });
    assert.is(await readOneToken(path), TOKEN);
    for (const content of ["", "short", `${TOKEN} ${TOKEN}`, "x".repeat(2000)]) {
      writeFileSync(path, content);
      const refused = await rejection("OPTIONS_INVALID", readOneToken(path));
      assert.match(refused.message, "must hold one token of 32 to 1024");
      if (content !== "") assert.not.match(refused.message, content);
    }
    chmodSync(path, 0o644);
    assert.match((await rejection("OPTIONS_INVALID", readOneToken(path))).message, `chmod 600 ${path}`);
    chmodSync(folder, 0o755);
    const { message } = await rejection("OPTIONS_INVALID", readOneToken(folder));
    assert.is(message, `The token file ${folder} is a folder; give a file.`);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a proxy on IPv6 loopback is called by its address", async () => {
  await using proxy = await startProxy(client(), { listen: "[::1]:0", allowAllLocalUsers: true });
  using native = new NativeClient(proxy.proxy.address);
  assert.is((await native.call(SUM, testArgs(1))).code, status.OK);
});

test("a refused call that is reset in the packet that opens it leaves no error", async () => {
  await using proxy = await startProxy(client());
  const strays: unknown[] = [];
  const onStray = (error: unknown): void => void strays.push(error);
  process.on("uncaughtException", onStray);
  const call = headersFrame(1, { ":method": "GET", ":scheme": "http", ":authority": "localhost", ":path": "/" });
  const socket = connect({ path: socketOf(proxy) });
  socket.write(Buffer.concat([CONNECTION_START, call, resetFrame(1, constants.NGHTTP2_CANCEL)]));
  await once(socket, "data");
  socket.destroy();
  assert.is((await proxy.native.call(SUM, testArgs(1))).code, status.OK);
  process.off("uncaughtException", onStray);
  assert.equal(strays, []);
});

test.run();
