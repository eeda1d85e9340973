import { execFileSync } from "node:child_process";
import { copyFile, readFile, rename, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { CliProcess, CliServer } from "../../cli/cli-process.ts";
import { inFolder, run } from "../../cli/cli-run.ts";
import { eventually } from "../../support/eventually.ts";
import { assert, suite } from "../../support/suite.ts";

const test = suite("mcp/bridge/http-process");

const TOKEN = "0123456789abcdef0123456789abcdef";

async function startBridge(cwd: string, address: string, ...args: readonly string[]) {
  await writeFile("tokens", `dev ${TOKEN} .sealwire/client.json\n`, { mode: 0o600 });
  const process = new CliProcess(["mcp", "--token-file", "tokens", "--address", address, ...args], { cwd });
  await process.until("the bridge", () => process.stdout.includes("\n"));
  const { listening } = JSON.parse(process.stdout) as { readonly listening: string };
  return { process, listening, [Symbol.asyncDispose]: () => process[Symbol.asyncDispose]() };
}

for (const mode of ["legacy", "auto"] as const) {
  test(`the client of the SDK calls over HTTP, negotiating by "${mode}", and hears progress`, () =>
    inFolder(async (cwd) => {
      await using server = await CliServer.start(cwd, "--dev");
      await using bridge = await startBridge(cwd, server.ready.listening, "--listen", "127.0.0.1:0");
      const client = new Client({ name: "test", version: "1" }, { versionNegotiation: { mode } });
      const requestInit = { headers: { authorization: `Bearer ${TOKEN}` } };
      await client.connect(new StreamableHTTPClientTransport(new URL(bridge.listening), { requestInit }));
      const { tools } = await client.listTools();
      assert.ok(tools.some(({ name }) => name === "batch_sum"));
      const heard: number[] = [];
      const onprogress = ({ progress }: { readonly progress: number }): void => void heard.push(progress);
      const call = { name: "start_long_task", arguments: { seconds: 2 } };
      const result = await client.callTool(call, { onprogress });
      assert.equal(result.structuredContent, {});
      assert.ok(heard.length > 0);
      await client.close();
      bridge.process.child.kill("SIGTERM");
      const { code, stdout, stderr } = await bridge.process.ended;
      assert.is(code, 0);
      assert.is(stdout.split("\n").length, 2);
      assert.not.match(stdout + stderr, TOKEN);
    }));
}

test("a key that was rotated and replaced in its file fails no call", () =>
  inFolder(async (cwd) => {
    await using server = await CliServer.start(cwd, "--dev");
    await using bridge = await startBridge(cwd, server.ready.listening, "--listen", "127.0.0.1:0");
    const client = new Client({ name: "test", version: "1" });
    const requestInit = { headers: { authorization: `Bearer ${TOKEN}` } };
    await client.connect(new StreamableHTTPClientTransport(new URL(bridge.listening), { requestInit }));
    const call = { name: "batch_sum", arguments: { numbers: [1] } };
    assert.not.ok((await client.callTool(call)).isError);
    const { keyId: old } = JSON.parse((await run(["keys", "list", "--json"])).stdout);
    const { address } = JSON.parse(await readFile(".sealwire/client.json", "utf8"));
    const rotated = await run(["keys", "rotate", "dev", "--out", "next.json", "--address", address]);
    assert.is(rotated.code, 0, rotated.stderr);
    await copyFile(".sealwire/client.json", "old.json");
    await rename("next.json", ".sealwire/client.json");
    assert.is((await run(["keys", "revoke", old])).code, 0);
    await eventually("the server refuses the old key", async () => {
      const { code } = await run(["tools", "--credentials", "old.json", "--address", server.ready.listening]);
      return code === 3;
    });
    assert.not.ok((await client.callTool(call)).isError);
    await client.close();
  }));

const hasOpenssl = ((): boolean => {
  try {
    execFileSync("openssl", ["version"], { stdio: "pipe" });
    return true;
  } catch {
    return false;
  }
})();
const withOpenssl = hasOpenssl
  ? test
  : (name: string, body: () => unknown) => test.skip(name, "openssl is not installed", body);

withOpenssl("beyond loopback it serves with TLS, under the names of its certificate only", () =>
  inFolder(async (cwd) => {
    const files = ["-keyout", "key.pem", "-out", "cert.pem", "-addext", "subjectAltName=DNS:bridge.example"];
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    execFileSync("openssl", ["req", "-x509", ...key, "-days", "2", "-subj", "/CN=bridge", ...files], { stdio: "pipe" });
    await using server = await CliServer.start(cwd, "--dev");
    const tls = ["--listen", "0.0.0.0:0", "--tls-cert", "cert.pem", "--tls-key", "key.pem"];
    await using bridge = await startBridge(cwd, server.ready.listening, ...tls);
    assert.match(bridge.listening, /^https:/);
    const { port } = new URL(bridge.listening);
    const ca = await readFile("cert.pem");
    const send = (host: string) =>
      new Promise<number>((resolve, reject) => {
        const headers = {
          host,
          authorization: `Bearer ${TOKEN}`,
          "content-type": "application/json",
          accept: "application/json, text/event-stream",
        };
        const options = { host: "127.0.0.1", port, path: "/mcp", method: "POST", ca, servername: "bridge.example" };
        const sent = request({ ...options, headers, agent: false }, (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        });
        sent.on("error", reject);
        sent.end(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list" }));
      });
    assert.is(await send(`bridge.example:${port}`), 200);
    assert.is(await send(`other.example:${port}`), 403);
  }),
);

test.run();
