import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SealwireClient } from "../../src/client/client.ts";
import type { ClientTls } from "../../src/client/options.ts";
import { rejection } from "../support/rejection.ts";
import { startServer, type TestServer } from "../support/running-server.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("client/tls");

let folder: string;
let server: TestServer | undefined;

function openssl(...args: readonly string[]): boolean {
  try {
    execFileSync("openssl", args, { stdio: "pipe" });
    return true;
  } catch {
    return false;
  }
}

const maybe = openssl("version")
  ? test
  : (name: string, body: () => unknown) => test.skip(name, "openssl is not installed", body);

const pem = (name: string): Buffer => readFileSync(join(folder, name));

/** Makes a self-signed certificate for a name. */
function makeCertificate(file: string, name: string): void {
  const key = [
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:P-256",
    "-nodes",
    "-keyout",
    join(folder, `${file}.key`),
  ];
  const names = ["-subj", `/CN=${name}`, "-addext", `subjectAltName=DNS:${name}`];
  assert.ok(openssl("req", "-x509", ...key, ...names, "-days", "2", "-out", join(folder, `${file}.crt`)));
}

test.before(async () => {
  folder = mkdtempSync(join(tmpdir(), "sealwire-client-tls-"));
  if (!openssl("version")) return;
  makeCertificate("server", "tools.example");
  makeCertificate("caller", "caller.example");
  const tls = {
    certificatePath: join(folder, "server.crt"),
    privateKeyPath: join(folder, "server.key"),
    clientCaPath: join(folder, "caller.crt"),
  };
  server = await startServer({ tls });
});

test.after(async () => {
  await server?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

async function identityOver(tls: ClientTls | undefined): Promise<string> {
  if (server === undefined) throw new Error("the server did not start");
  await using client = new SealwireClient({
    credentials: server.credentials(),
    retry: { maxAttempts: 2, initialDelayMs: 1 },
    ...(tls === undefined ? {} : { tls }),
  });
  return (await client.identity()).serverId;
}

maybe("a client with its certificate and the server's authority and name is answered", async () => {
  const tls = {
    rootCertificates: pem("server.crt"),
    privateKey: pem("caller.key"),
    certificateChain: pem("caller.crt"),
    serverName: "tools.example",
  };
  assert.is(await identityOver(tls), "test-server");
});

maybe("a server of another name, of an unknown authority, or without TLS on this side is not spoken to", async () => {
  const own = { privateKey: pem("caller.key"), certificateChain: pem("caller.crt") };
  await rejection("UNREACHABLE", identityOver({ ...own, rootCertificates: pem("server.crt") }));
  await rejection("UNREACHABLE", identityOver({ ...own, serverName: "tools.example" }));
  await rejection("UNREACHABLE", identityOver(undefined));
});

maybe("a client without the certificate that the server asks for is not answered", async () => {
  await rejection("UNREACHABLE", identityOver({ rootCertificates: pem("server.crt"), serverName: "tools.example" }));
});

test.run();
