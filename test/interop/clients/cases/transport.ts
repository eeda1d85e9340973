import { execFileSync } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { writeCredentials } from "../../../../src/signing/key-ring/credentials.ts";
import { startServer } from "../../../support/running-server.ts";
import { assert } from "../../../support/suite.ts";
import { BATCH_SUM, type ClientCase, call, checkSum, withChannel } from "../client-case.ts";

/** Makes an authority, and certificates that it has signed for `127.0.0.1` and for a client. */
function makeCertificates(folder: string): void {
  const openssl = (...args: readonly string[]): void =>
    void execFileSync("openssl", args, { cwd: folder, stdio: "pipe" });
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  const authority = ["-addext", "basicConstraints=critical,CA:TRUE", "-days", "2"];
  openssl("req", "-x509", ...key, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=Test authority", ...authority);
  for (const [name, names] of [
    ["server", "subjectAltName=IP:127.0.0.1,DNS:localhost"],
    ["client", "subjectAltName=DNS:client.example"],
  ] as const) {
    const request = ["-subj", `/CN=${name}`, "-addext", names, "-addext", "basicConstraints=CA:FALSE"];
    openssl("req", ...key, "-keyout", `${name}.key`, "-out", `${name}.csr`, ...request);
    const issuer = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-copy_extensions", "copy", "-days", "2"];
    openssl("x509", "-req", "-in", `${name}.csr`, ...issuer, "-out", `${name}.crt`);
  }
}

/** Connections with TLS. */
export const transportCases: readonly ClientCase[] = [
  {
    name: "TLS: a server's certificate is checked by the given authority",
    async run({ agent, folder }) {
      makeCertificates(folder);
      await using server = await startServer({
        tls: { certificatePath: join(folder, "server.crt"), privateKeyPath: join(folder, "server.key") },
      });
      const credentials = join(folder, "tls.json");
      await writeCredentials(credentials, server.credentials());
      await withChannel(agent, { credentials, ca: join(folder, "ca.crt") }, async (channel) => {
        await checkSum(agent, { channel });
        assert.is((await call(agent, "grpc.health.v1.Health/Check", {}, { channel })).status, "OK");
      });
      await mkdir(join(folder, "other"));
      makeCertificates(join(folder, "other"));
      await withChannel(agent, { credentials, ca: join(folder, "other", "ca.crt") }, async (channel) => {
        assert.is((await call(agent, BATCH_SUM, {}, { channel, timeoutMs: 2000 })).response, undefined);
      });
    },
  },
  {
    name: "mTLS: the client shows its certificate",
    async run({ agent, folder }) {
      makeCertificates(folder);
      const path = (name: string) => join(folder, name);
      await using server = await startServer({
        tls: {
          certificatePath: path("server.crt"),
          privateKeyPath: path("server.key"),
          clientCaPath: path("ca.crt"),
        },
      });
      const credentials = path("mtls.json");
      await writeCredentials(credentials, server.credentials());
      const own = { cert: path("client.crt"), key: path("client.key") };
      await withChannel(agent, { credentials, ca: path("ca.crt"), ...own }, async (channel) => {
        await checkSum(agent, { channel });
      });
      await withChannel(agent, { credentials, ca: path("ca.crt") }, async (channel) => {
        assert.is((await call(agent, BATCH_SUM, {}, { channel, timeoutMs: 2000 })).response, undefined);
      });
    },
  },
];
