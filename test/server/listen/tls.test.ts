import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect as connectHttp2 } from "node:http2";
import { connect as connectPlain, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { credentials } from "@grpc/grpc-js";
import { systemClock } from "../../../src/runtime/clock.ts";
import { silentLogger } from "../../../src/runtime/logger.ts";
import { listenForHttp } from "../../../src/server/listen/http-listener.ts";
import { RawClient, type RawRequest } from "../../support/raw-client.ts";
import { startServer } from "../../support/running-server.ts";
import { assert, suite } from "../../support/suite.ts";

const IDENTITY: RawRequest = { tool: "server_identity", type: "sealwire.system.v1.ServerIdentityRequest" };
const UNAVAILABLE = 14;

let folder: string;

function file(name: string): string {
  return join(folder, name);
}

/** Makes a CA, or a certificate for localhost that `issuer` signs. */
function makeCertificate(name: string, issuer?: string): void {
  const subject = [
    "req",
    "-x509",
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:P-256",
    "-nodes",
    "-days",
    "2",
    "-subj",
    `/CN=${name}`,
  ];
  const files = ["-keyout", file(`${name}.key`), "-out", file(`${name}.crt`)];
  const signer =
    issuer === undefined
      ? []
      : [
          "-CA",
          file(`${issuer}.crt`),
          "-CAkey",
          file(`${issuer}.key`),
          "-addext",
          "subjectAltName=DNS:localhost,IP:127.0.0.1",
        ];
  execFileSync("openssl", [...subject, ...files, ...signer], { stdio: "pipe" });
}

const hasOpenssl = ((): boolean => {
  try {
    execFileSync("openssl", ["version"], { stdio: "pipe" });
    return true;
  } catch {
    return false;
  }
})();

const test = suite("server/listen/tls");
const maybe = hasOpenssl
  ? test
  : (name: string, body: () => unknown) => test.skip(name, "openssl is not installed", body);

test.before(() => {
  folder = mkdtempSync(join(tmpdir(), "sealwire-tls-"));
  if (!hasOpenssl) return;
  makeCertificate("ca");
  for (const name of ["first", "second", "caller"]) makeCertificate(name, "ca");
});

test.after(() => rmSync(folder, { recursive: true, force: true }));

function use(name: string): { certificatePath: string; privateKeyPath: string } {
  cpSync(file(`${name}.crt`), file("server.crt"));
  cpSync(file(`${name}.key`), file("server.key"));
  return { certificatePath: file("server.crt"), privateKeyPath: file("server.key") };
}

maybe("calls work over TLS", async () => {
  await using server = await startServer({ tls: use("first") });
  using client = new RawClient(
    server.address,
    server.credentials(),
    credentials.createSsl(readFileSync(file("ca.crt"))),
  );
  assert.is((await client.call(IDENTITY)).code, 0);
});

maybe("a server with TLS has no word for plaintext", async () => {
  await using server = await startServer({ tls: use("first") });
  using client = new RawClient(server.address, server.credentials());
  assert.is((await client.call(IDENTITY)).code, UNAVAILABLE);
});

maybe("with a client CA only callers with its certificate come in", async () => {
  await using server = await startServer({ tls: { ...use("first"), clientCaPath: file("ca.crt") } });
  const ca = readFileSync(file("ca.crt"));
  using stranger = new RawClient(server.address, server.credentials(), credentials.createSsl(ca));
  assert.is((await stranger.call(IDENTITY)).code, UNAVAILABLE);
  const known = credentials.createSsl(ca, readFileSync(file("caller.key")), readFileSync(file("caller.crt")));
  using client = new RawClient(server.address, server.credentials(), known);
  assert.is((await client.call(IDENTITY)).code, 0);
});

maybe("an HTTP server with TLS does not wait for connections that have sent nothing when it closes", async () => {
  const address = { kind: "tcp", host: "127.0.0.1", port: 0 } as const;
  const options = { what: "a test", address, connectionsMost: 8, clock: systemClock, logger: silentLogger };
  const listening = await listenForHttp({ ...options, tls: use("first") }, (_request, response) => response.end());
  const socket = openSocket(listening.address);
  await once(socket, "connect");
  await new Promise((resolve) => setTimeout(resolve, 100));
  const beganMs = performance.now();
  await listening.close(100);
  assert.ok(performance.now() - beganMs < 10_000);
});

maybe("a renewed certificate comes into force without a restart, a broken one does not", async () => {
  await using server = await startServer({ tls: use("first") });
  assert.is(await servedName(server.address), "first");
  use("second");
  await until(async () => (await servedName(server.address)) === "second");
  cpSync(file("ca.crt"), file("server.crt"));
  await new Promise((resolve) => setTimeout(resolve, 1500));
  assert.is(await servedName(server.address), "second");
});

maybe("a connection that does not end its TLS handshake is closed in time, however slowly it goes on", async () => {
  await using server = await startServer({ tls: use("first"), limits: { handshakeTimeoutMs: 1_000 } });
  const beganMs = performance.now();
  const connections = ["", "16", "1603010100010000fc0303"].map((start) => {
    const socket = openSocket(server.address);
    socket.write(Buffer.from(start, "hex"));
    const timer = setInterval(() => socket.write(Buffer.of(0)), start.length > 2 ? 200 : 60_000);
    return closeOf(socket).then(() => clearInterval(timer));
  });
  const talking = connectHttp2(`https://${server.address}`, { rejectUnauthorized: false });
  await once(talking, "remoteSettings");
  await Promise.all(connections);
  assert.ok(performance.now() - beganMs < 10_000, "not by a limit of Node's own");
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  assert.not.ok(talking.closed);
  talking.destroy();
});

maybe("a drain ends the connections in a TLS handshake, which would be served after it otherwise", async () => {
  const server = await startServer({ tls: use("first") });
  const socket = openSocket(server.address);
  await once(socket, "connect");
  // The server has accepted it as soon as it has accepted a later one.
  await servedName(server.address);
  const closed = closeOf(socket);
  await server[Symbol.asyncDispose]();
  await closed;
});

/** Connects without TLS. */
function openSocket(address: string): Socket {
  const [host, port] = address.split(":");
  return connectPlain({ host: host as string, port: Number(port) })
    .on("error", () => {})
    .resume();
}

/** Resolves when the socket is closed, also with an error. */
function closeOf(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once("close", () => resolve()));
}

function servedName(address: string): Promise<string> {
  const [host, port] = address.split(":");
  return new Promise((resolve, reject) => {
    const socket = connect(
      { host: host as string, port: Number(port), ALPNProtocols: ["h2"], rejectUnauthorized: false },
      () => {
        resolve(String(socket.getPeerCertificate().subject.CN));
        socket.destroy();
      },
    );
    socket.on("error", reject);
  });
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const endMs = Date.now() + 10_000;
  while (!(await condition())) {
    if (Date.now() > endMs) throw new Error("the condition did not come true in time");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test.run();
