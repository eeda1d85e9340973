import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tokenDigest } from "../../src/files/token-lines.ts";
import { assert, suite } from "../support/suite.ts";
import { startConsole } from "./test-console.ts";

const test = suite("console/tls");

const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;
const maybe = (name: string, body: () => Promise<void>): void =>
  hasOpenssl ? test(name, body) : test.skip(name, "there is no openssl");

/** The status of a request for the document. */
function statusOf(port: string, headers: Readonly<Record<string, string>>): Promise<number> {
  return new Promise((resolve, reject) => {
    const options = { host: "127.0.0.1", port, path: "/", headers, agent: false, rejectUnauthorized: false };
    const sent = request(options, (response) => resolve(response.resume().statusCode ?? 0));
    sent.on("error", reject).end();
  });
}

maybe("beyond loopback the console has the names of its certificate, and the origin of TLS", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sealwire-console-tls-"));
  try {
    const [privateKeyPath, certificatePath] = [join(folder, "s.key"), join(folder, "s.pem")];
    const key = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=console";
    const names = ["-addext", "subjectAltName=DNS:ops.example,IP:192.0.2.7"];
    const made = spawnSync("openssl", [
      ...key.split(" "),
      "-keyout",
      privateKeyPath,
      "-out",
      certificatePath,
      ...names,
    ]);
    assert.is(made.status, 0, String(made.stderr));
    await using console = await startConsole({
      listen: "0.0.0.0:0",
      tls: { certificatePath, privateKeyPath },
      principals: [{ name: "ada", role: "operator", digest: tokenDigest("a".repeat(32)) }],
    });
    assert.match(console.origin, /^https:\/\/0\.0\.0\.0:\d+$/);
    const port = console.origin.split(":").at(-1) ?? "";
    for (const host of ["ops.example", "192.0.2.7", "localhost"])
      assert.is(await statusOf(port, { host: `${host}:${port}` }), 200, host);
    for (const host of ["evil.example", "192.0.2.8", "0.0.0.0"])
      assert.is(await statusOf(port, { host: `${host}:${port}` }), 403, host);
    const own = { host: `ops.example:${port}` };
    assert.is(await statusOf(port, { ...own, origin: `https://ops.example:${port}` }), 200);
    assert.is(await statusOf(port, { ...own, origin: `http://ops.example:${port}` }), 403);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test.run();
