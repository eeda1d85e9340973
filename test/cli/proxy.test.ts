import { chmod, readFile, rename, stat, writeFile } from "node:fs/promises";
import { status } from "@grpc/grpc-js";
import { StartLongTaskRequest } from "../../gen/sealwire/demo/v1/start_long_task.ts";
import { NativeClient } from "../proxy/native-client.ts";
import { assert, suite } from "../support/suite.ts";
import { testArgs } from "../support/test-service.ts";
import { CliProcess, CliServer } from "./cli-process.ts";
import { inFolder, run } from "./cli-run.ts";

const test = suite("cli/proxy");

const SUM = "sealwire.demo.v1.DemoToolService/BatchSum";
const LONG_TASK = "sealwire.demo.v1.DemoToolService/StartLongTask";

/** A running `sealwire proxy`. */
async function startProxy(cwd: string, ...args: readonly string[]) {
  const process = new CliProcess(["proxy", ...args], { cwd });
  await process.until("the proxy", () => process.stdout.includes("\n"));
  const ready = JSON.parse(process.stdout) as Readonly<Record<string, string>>;
  return { process, ready, [Symbol.asyncDispose]: () => process[Symbol.asyncDispose]() };
}

test("it serves on a socket in the data folder, logs a job without its arguments, and drains", () =>
  inFolder(async (folder) => {
    await using _server = await CliServer.start(folder, "--dev");
    await using proxy = await startProxy(folder);
    const listening = "unix:.sealwire/proxy.sock";
    assert.equal(proxy.ready, { listening, server_id: "sealwire-dev", client_id: "dev" });
    const native = new NativeClient(listening);
    assert.is((await native.call(SUM, testArgs(1, 2))).code, status.OK);
    const task = StartLongTaskRequest.encode({ seconds: 1, payload: { secret: "words" } }).finish();
    const { head } = await native.call(LONG_TASK, task);
    native[Symbol.dispose]();
    proxy.process.child.kill("SIGTERM");
    const { code, stderr } = await proxy.process.ended;
    assert.is(code, 0);
    const accepted = stderr.split("\n").find((line) => line.includes("job accepted")) ?? "";
    assert.is(JSON.parse(accepted).job_id, head?.get("sealwire-job-id")[0]);
    assert.not.match(stderr, "words");
    assert.is(await stat(".sealwire/proxy.sock").catch((error: NodeJS.ErrnoException) => error.code), "ENOENT");
  }));

test("it starts again after kill -9, and before its server does", () =>
  inFolder(async (folder) => {
    const server = await CliServer.start(folder, "--dev");
    const killed = await startProxy(folder);
    killed.process.child.kill("SIGKILL");
    await killed.process.ended;
    server.process.child.kill("SIGTERM");
    await server.process.ended;
    await using proxy = await startProxy(folder);
    using native = new NativeClient(proxy.ready.listening ?? "");
    const called = native.call(SUM, testArgs(1));
    await using _again = await CliServer.start(folder, "--dev", "--listen", server.ready.listening);
    assert.is((await called).code, status.OK);
  }));

test("a key that was rotated, replaced in its file and revoked fails no call", () =>
  inFolder(async (folder) => {
    await using server = await CliServer.start(folder, "--dev");
    await using proxy = await startProxy(folder);
    using native = new NativeClient(proxy.ready.listening ?? "");
    assert.is((await native.call(SUM, testArgs(1))).code, status.OK);
    const { keyId: old } = JSON.parse((await run(["keys", "list", "--json"])).stdout);
    const { address } = JSON.parse(await readFile(".sealwire/client.json", "utf8"));
    assert.is((await run(["keys", "rotate", "dev", "--out", "next.json", "--address", address])).code, 0);
    await rename("next.json", ".sealwire/client.json");
    assert.is((await run(["keys", "revoke", old])).code, 0);
    const reloads = (): number => server.process.stderr.split("key ring reloaded").length;
    const before = reloads();
    server.process.child.kill("SIGHUP");
    await server.process.until("the revocation", () => reloads() > before);
    assert.is((await native.call(SUM, testArgs(1))).code, status.OK);
    await proxy.process.until("the new key", () => proxy.process.stderr.includes("credentials were read again"));
  }));

test("a port is served with a token in a private file only, or if all users may call", () =>
  inFolder(async (folder) => {
    await using _server = await CliServer.start(folder, "--dev");
    const port = ["proxy", "--listen", "127.0.0.1:0"];
    const open = await run(port);
    assert.equal([open.code, open.stdout], [2, ""]);
    assert.match(open.stderr, "--token-file FILE");
    const token = "0123456789abcdef0123456789abcdef";
    await writeFile("token", token, { mode: 0o644 });
    const shared = await run([...port, "--token-file", "token"]);
    assert.equal([shared.code, shared.stderr.includes("chmod 600 token")], [2, true], shared.stderr);
    await chmod("token", 0o600);
    assert.is((await run([...port, "--token-file", "token", "--allow-all-local-users"])).code, 2);
    await using proxy = await startProxy(folder, "--listen", "127.0.0.1:0", "--token-file", "token");
    using native = new NativeClient(proxy.ready.listening ?? "");
    assert.is((await native.call(SUM, testArgs(1))).code, status.UNAUTHENTICATED);
    const authorization = `Bearer ${token}`;
    assert.is((await native.call(SUM, testArgs(1), { metadata: { authorization } })).code, status.OK);
    await using free = await startProxy(folder, "--listen", "127.0.0.1:0", "--allow-all-local-users");
    using anyone = new NativeClient(free.ready.listening ?? "");
    assert.is((await anyone.call(SUM, testArgs(1))).code, status.OK);
  }));

test("wrong options end it before it listens", () =>
  inFolder(async (folder) => {
    const without = await run(["proxy"]);
    assert.equal([without.code, without.stdout], [2, ""]);
    assert.match(without.stderr, "There are no credentials");
    await using server = await CliServer.start(folder, "--dev");
    for (const [args, said] of [
      [["--listen", "0.0.0.0:50052", "--allow-all-local-users"], "listens on this machine only"],
      [["--listen", "nowhere"], "is not an address"],
      [["--address", "example.com:1"], "is a remote address"],
      [["--token-file", "missing"], "there is no such file"],
    ] as const) {
      const { code, stderr } = await run(["proxy", ...args]);
      assert.is(code, 2, stderr);
      assert.match(stderr, said);
    }
    await chmod(".sealwire", 0o755);
    assert.match((await run(["proxy"])).stderr, "chmod 700");
    assert.ok(server);
  }));

test.run();
