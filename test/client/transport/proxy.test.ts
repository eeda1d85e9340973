import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SealwireClient } from "../../../src/client/client.ts";
import type { ClientOptions } from "../../../src/client/options.ts";
import { proxyFor } from "../../../src/client/transport/proxy.ts";
import { rejection } from "../../support/rejection.ts";
import { startServer } from "../../support/running-server.ts";
import { assert, suite } from "../../support/suite.ts";

const test = suite("client/transport/proxy");

const destination = (target: string, environment: Record<string, string>): string | undefined =>
  proxyFor(target, environment)?.destination;

test("every usual variable names the proxy, in either case", () => {
  for (const name of ["grpc_proxy", "https_proxy", "http_proxy"]) {
    for (const variable of [name, name.toUpperCase()]) {
      const environment = { [variable]: "http://u:p%40ss@proxy.example:3128" };
      assert.equal(proxyFor("tools.example:50051", environment), {
        target: "dns:proxy.example:3128",
        destination: "tools.example:50051",
        authorization: `Basic ${Buffer.from("u:p@ss").toString("base64")}`,
      });
    }
  }
  assert.is(proxyFor("t.example:1", { HTTPS_PROXY: "proxy.example" })?.target, "dns:proxy.example:80");
  assert.is(proxyFor("t.example:1", { grpc_proxy: "http://a", https_proxy: "http://b" })?.target, "dns:a:80");
  assert.is(destination("dns:///t.example", { https_proxy: "http://p" }), "t.example:443");
  assert.is(destination("[2001:db8::1]:5", { https_proxy: "http://p" }), "[2001:db8::1]:5");
});

test("loopback, unix sockets and what the environment excludes are reached directly", () => {
  const https_proxy = "http://proxy.example";
  for (const target of ["127.0.0.1:1", "localhost:1", "[::1]:1", "dns:///localhost:1", "unix:/x", "xds:///a"])
    assert.is(destination(target, { https_proxy }), undefined, target);
  const cases: [string, string, boolean][] = [
    ["*", "t.example:1", true],
    ["t.example", "t.example:1", true],
    ["T.Example", "t.EXAMPLE:1", true],
    [" other , .example ", "t.example:1", true],
    ["*.example", "t.example:1", true],
    ["example", "t.example:1", true],
    ["example", "notexample:1", false],
    ["t.example:1", "t.example:1", true],
    ["t.example:2", "t.example:1", false],
    ["other,", "t.example:1", false],
    ["10.0.0.0/8", "10.1.2.3:1", true],
    ["10.0.0.0/8", "ipv4:11.1.2.3:1", false],
    ["10.0.0.0/99", "10.0.0.0:1", false],
    ["10.1.2.3", "10.1.2.3:1", true],
    ["2001:db8::/32", "[2001:db8::1]:1", true],
    ["[2001:db8::1]:1", "[2001:db8::1]:1", true],
    ["1.2.3", "1.2.3.4:1", false],
  ];
  for (const [list, target, isDirect] of cases) {
    for (const name of ["no_proxy", "NO_PROXY", "no_grpc_proxy", "NO_GRPC_PROXY"])
      assert.is(
        destination(target, { https_proxy, [name]: list }) === undefined,
        isDirect,
        `${name}=${list} ${target}`,
      );
  }
});

test("a proxy that cannot be used is refused by the variable's name, without its value", async () => {
  for (const value of ["socks5://u:sesame@p:1", "https://u:sesame@p", "http://u:sesame%@p", "http://"]) {
    try {
      proxyFor("t.example:1", { HTTPS_PROXY: value });
      assert.unreachable(value);
    } catch (thrown) {
      assert.match(String(thrown), "HTTPS_PROXY does not name a usable proxy");
      assert.not.match(String(thrown), "sesame");
    }
  }
});

/** A proxy on loopback that leads every CONNECT to one port, or answers otherwise. */
async function startProxy(port: number) {
  const asked: (string | undefined)[] = [];
  const sockets = new Set<Socket>();
  const state = { refuse: undefined as string | undefined };
  const server = createServer();
  server.on("connection", (socket) => sockets.add(socket));
  server.on("connect", (request, near: Socket) => {
    asked.push(`${request.url} ${request.headers["proxy-authorization"] ?? ""}`.trim());
    if (state.refuse !== undefined) return near.end(`HTTP/1.1 ${state.refuse}\r\n\r\n`);
    const far = connect(port, "127.0.0.1", () => {
      near.write("HTTP/1.1 200 OK\r\n\r\n");
      near.pipe(far).pipe(near);
    });
    for (const socket of [near, far]) socket.on("error", () => {});
    return near;
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://user:pass@127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    state,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test("a connection by TLS goes through the proxy, which learns the name and nothing else, and is told of if it refuses", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sealwire-proxy-"));
  try {
    const [certificatePath, privateKeyPath] = [join(folder, "a.crt"), join(folder, "a.key")];
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", privateKeyPath];
    const names = ["-subj", "/CN=tools.test", "-addext", "subjectAltName=DNS:tools.test"];
    execFileSync("openssl", ["req", "-x509", ...key, ...names, "-days", "2", "-out", certificatePath], {
      stdio: "pipe",
    });
    await using server = await startServer({ tls: { certificatePath, privateKeyPath } });
    const port = Number(server.address.split(":")[1]);
    await using proxy = await startProxy(port);
    const tls = { rootCertificates: readFileSync(certificatePath) };
    const client = (options: Partial<ClientOptions>): SealwireClient =>
      new SealwireClient({
        credentials: server.credentials(),
        tls,
        environment: { HTTPS_PROXY: proxy.url },
        retry: { initialDelayMs: 1, maxDelayMs: 20, unreachableForMs: 0 },
        ...options,
      });
    // Neither name can be resolved here.
    for (const address of ["tools.test:443", "dns:///tools.test:443", ["tools.test:443", "tools.test:444"]]) {
      await using through = client({ address });
      assert.is((await through.identity()).serverId, "test-server");
    }
    assert.is(proxy.asked[0], `tools.test:443 Basic ${Buffer.from("user:pass").toString("base64")}`);
    const before = proxy.asked.length;
    await using direct = client({ tls: { ...tls, serverName: "tools.test" } });
    assert.is((await direct.identity()).serverId, "test-server");
    assert.is(proxy.asked.length, before);
    proxy.state.refuse = "407 Proxy Authentication Required";
    await using refused = client({ address: "tools.test:443" });
    const { message } = await rejection("UNREACHABLE", refused.identity());
    assert.match(
      message,
      /tools\.test:443 through the proxy 127\.0\.0\.1:\d+: the proxy answers 407 Proxy Authentication Required/,
    );
    await using gone = client({ address: "tools.test:443", environment: { https_proxy: "http://127.0.0.1:1" } });
    const unreached = await rejection("UNREACHABLE", gone.identity());
    assert.match(unreached.message, /through the proxy 127\.0\.0\.1:1: connect ECONNREFUSED 127\.0\.0\.1:1/);
    assert.not.match(unreached.message, "undefined");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.run();
