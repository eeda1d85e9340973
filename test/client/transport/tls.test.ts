import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SealwireClient } from "../../../src/client/client.ts";
import type { ClientTls } from "../../../src/client/options.ts";
import type { CallRecord } from "../../../src/server/request/access-log.ts";
import type { ClientCredentials } from "../../../src/signing/key-ring/credentials.ts";
import { CALL_STREAM_METHOD } from "../../../src/wire/limits.ts";
import { eventually } from "../../support/eventually.ts";
import { rejection } from "../../support/rejection.ts";
import { startServer, type TestServer } from "../../support/running-server.ts";
import { assert, suite } from "../../support/suite.ts";

const test = suite("client/transport/tls");

let folder: string;
let server: TestServer | undefined;
/** By which RPCs its calls came. */
const methods: string[] = [];
/** The same with a certificate for its IP address. */
let addressed: TestServer | undefined;

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
function makeCertificate(file: string, name: string, kind = "DNS"): void {
  const key = [
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:P-256",
    "-nodes",
    "-keyout",
    join(folder, `${file}.key`),
  ];
  const names = ["-subj", `/CN=${name}`, "-addext", `subjectAltName=${kind}:${name}`];
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
  const observer = { callStarted: () => {}, callEnded: ({ method }: CallRecord) => void methods.push(method) };
  server = await startServer({ tls, observers: [observer] });
  makeCertificate("address", "127.0.0.1", "IP");
  const own = { certificatePath: join(folder, "address.crt"), privateKeyPath: join(folder, "address.key") };
  addressed = await startServer({ tls: { ...tls, ...own } });
});

test.after(async () => {
  await server?.[Symbol.asyncDispose]();
  await addressed?.[Symbol.asyncDispose]();
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

// Node warns once in a process, so this test is the first.
maybe("an IP address is no TLS server name, and Node has nothing to warn about", async () => {
  const warnings: Error[] = [];
  const note = (warning: Error): void => void warnings.push(warning);
  process.on("warning", note);
  const tls = {
    rootCertificates: pem("address.crt"),
    privateKey: pem("caller.key"),
    certificateChain: pem("caller.crt"),
  };
  await using client = new SealwireClient({ credentials: addressed?.credentials() as ClientCredentials, tls });
  assert.is((await client.identity()).serverId, "test-server");
  assert.is(await client.health(), "SERVING");
  await new Promise((resolve) => setImmediate(resolve));
  process.off("warning", note);
  assert.equal(warnings, []);
});

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
  const anonymous = { rootCertificates: pem("server.crt"), serverName: "tools.example" };
  const { message } = await rejection("UNREACHABLE", identityOver(anonymous));
  assert.match(message, "certificate required");
});

maybe("a client without TLS at a server with it, and the other way round, is told so", async () => {
  if (server === undefined) throw new Error("the server did not start");
  await using plain = await startServer();
  for (const [to, options, said] of [
    [server, {}, "the server speaks TLS and this client plaintext"],
    [server, { pipeline: true }, "the server speaks TLS and this client plaintext"],
    [server, { address: [server.address, server.address] }, "the server speaks TLS and this client plaintext"],
    [plain, { tls: { rootCertificates: pem("server.crt") } }, "the server speaks plaintext and this client TLS"],
  ] as const) {
    await using client = new SealwireClient({
      credentials: to.credentials(),
      retry: { initialDelayMs: 20, maxDelayMs: 200 },
      ...options,
    });
    // Neither is tried for as long as a server that is away.
    assert.match((await rejection("UNREACHABLE", client.identity())).message, said);
    await using prober = new SealwireClient({ credentials: to.credentials(), ...options });
    if (!("address" in options)) assert.match((await rejection("UNREACHABLE", prober.health())).message, said);
  }
});

maybe("a key without its certificate, or what is none, is refused before anything is sent", async () => {
  const of = (tls: ClientTls): Promise<string> => identityOver(tls);
  assert.match((await rejection("OPTIONS_INVALID", of({ privateKey: pem("caller.key") }))).message, "belong together");
  assert.match(
    (await rejection("OPTIONS_INVALID", of({ privateKey: Buffer.from("no"), certificateChain: pem("caller.crt") })))
      .message,
    "in tls cannot be read",
  );
});

maybe("calls by TLS share a stream, as the server sees the port of the connection below", async () => {
  await using client = new SealwireClient({
    credentials: server?.credentials() as ClientCredentials,
    tls: {
      rootCertificates: pem("server.crt"),
      certificateChain: pem("caller.crt"),
      privateKey: pem("caller.key"),
      serverName: "tools.example",
    },
  });
  await eventually("they do", async () => {
    await client.identity();
    return methods.includes(CALL_STREAM_METHOD);
  });
});

test.run();
