import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { credentials } from "@grpc/grpc-js";
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

maybe("a renewed certificate comes into force without a restart, a broken one does not", async () => {
  await using server = await startServer({ tls: use("first") });
  assert.is(await servedName(server.address), "first");
  use("second");
  await until(async () => (await servedName(server.address)) === "second");
  cpSync(file("ca.crt"), file("server.crt"));
  await new Promise((resolve) => setTimeout(resolve, 1500));
  assert.is(await servedName(server.address), "second");
});

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
