import { existsSync } from "node:fs";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { eventually } from "../support/eventually.ts";
import { assert, suite } from "../support/suite.ts";
import { CliProcess, CliServer } from "./cli-process.ts";
import { inFolder, run } from "./cli-run.ts";

const test = suite("cli/serve");

const SUM = ["call", "batch_sum", '{"numbers":[1,2,40287.5]}'];

test("serve --dev makes a private folder, says one line when ready, and drains on SIGTERM", () =>
  inFolder(async (folder) => {
    await using server = await CliServer.start(folder, "--dev");
    assert.match(server.ready.listening, /^127\.0\.0\.1:\d+$/);
    assert.is(server.ready.server_id, "sealwire-dev");
    assert.is((await stat(".sealwire")).mode & 0o777, 0o700);
    for (const name of ["key-ring.json", "client.json", "sealwire.db"]) {
      assert.is((await stat(join(".sealwire", name))).mode & 0o777, 0o600, name);
    }
    const { code, stdout, stderr } = await run(SUM);
    assert.equal([code, stdout, stderr], [0, '{"count":3,"total":40290.5}\n', ""]);
    server.process.child.kill("SIGTERM");
    const ended = await server.process.ended;
    assert.is(ended.code, 0, ended.stderr);
    assert.is(ended.stdout.trimEnd().split("\n").length, 1);
    assert.not.match(ended.stderr, /40287|sw[sr]_/);
    assert.ok(JSON.parse(await readFile(".sealwire/key-use.json", "utf8")));
  }));

test("a second start keeps keys and jobs and puts the new address into client.json", () =>
  inFolder(async (folder) => {
    let before = "";
    {
      await using server = await CliServer.start(folder, "--dev");
      before = await readFile(".sealwire/client.json", "utf8");
      assert.match(before, server.ready.listening);
      assert.is((await run(["call", "start_long_task", '{"seconds":20}', "--detach"])).code, 0);
      server.process.child.kill("SIGINT");
      assert.is((await server.process.ended).code, 0);
    }
    await using server = await CliServer.start(folder, "--dev");
    const after = JSON.parse(await readFile(".sealwire/client.json", "utf8"));
    assert.equal({ ...after, address: "" }, { ...JSON.parse(before), address: "" });
    assert.is(after.address, server.ready.listening);
    assert.match((await run(["jobs", "list"])).stdout, /start_long_task +(QUEUED|RUNNING)/);
  }));

test("a second signal ends a drain at once", () =>
  inFolder(async (folder) => {
    await using server = await CliServer.start(folder, "--dev", "--drain-timeout", "60s");
    await using call = new CliProcess(["call", "start_long_task", '{"seconds":20}'], { cwd: folder });
    await call.until("the job to run", () => call.stderr.includes("RUNNING"));
    server.process.child.kill("SIGSTOP");
    server.process.child.kill("SIGTERM");
    server.process.child.kill("SIGINT");
    server.process.child.kill("SIGCONT");
    assert.is((await server.process.ended).code, 1);
  }));

test("a key that is revoked while the server runs is refused soon after", () =>
  inFolder(async (folder) => {
    await using server = await CliServer.start(folder, "--dev");
    const { key_id: keyId } = JSON.parse(await readFile(".sealwire/client.json", "utf8"));
    await run(["keys", "revoke", keyId]);
    server.process.child.kill("SIGHUP");
    await server.process.until("the reload", () => server.process.stderr.includes("key ring reloaded"));
    // That line may be about the ring that the server itself has made.
    const { stdout, stderr } = await eventually("it is refused", async () => {
      const answer = await run(SUM);
      return answer.code === 3 && answer;
    });
    assert.is(stdout, "");
    assert.match(stderr, /^error: .+\n {2}try: .+\n$/);
  }));

test("SIGHUP while a server starts, as a rotation of logs sends it, does not end it", () =>
  inFolder(async (folder) => {
    // Its tools take as long to load as it takes to send the signal.
    const tools = `import { existsSync, writeFileSync } from "node:fs";
      writeFileSync("loading", "");
      while (!existsSync("go")) await new Promise((resolve) => setTimeout(resolve, 10));
      export const tools = [];
      export const descriptors = [];`;
    await writeFile("slow.mjs", tools);
    await using server = new CliProcess(
      ["serve", "--dev", "--demo-tools", "--tools", "slow.mjs", "--listen", "127.0.0.1:0"],
      {
        cwd: folder,
      },
    );
    await server.until("the tools to load", () => existsSync("loading"));
    server.child.kill("SIGHUP");
    await writeFile("go", "");
    await server.until("the server", () => server.stdout.includes("listening"));
    server.child.kill("SIGTERM");
    assert.is((await server.ended).code, 0);
  }));

test("a configuration file is obeyed, with its paths relative to it, and the command line counts more", () =>
  inFolder(async (folder) => {
    await run([
      ...["keys", "add", "a", "--tools", "*", "--server-id", "prod"],
      ...["--data", "conf/data", "--out", "a.json"],
    ]);
    const config = {
      data: "data",
      listen: "127.0.0.1:1",
      demo_tools: true,
      metrics: "127.0.0.1:0",
      log_level: "silent",
    };
    await writeFile("conf/serve.json", JSON.stringify(config));
    await using server = await CliServer.start(folder, "--config", "conf/serve.json");
    assert.is(server.ready.server_id, "prod");
    const called = await run([...SUM, "--credentials", "a.json", "--address", server.ready.listening]);
    assert.is(called.stdout, '{"count":3,"total":40290.5}\n');
    const metrics = await (await fetch(`http://${server.ready.metrics}/metrics`)).text();
    assert.match(metrics, "grpc_server_handled_total");
    assert.is(server.process.stderr, "");
  }));

test("what cannot be served is refused with a way out", () =>
  inFolder(async () => {
    await writeFile("bad.json", '{"listen": "x", "colour": 1}');
    await writeFile("empty.mjs", "export const tools = 1;");
    await writeFile("broken.mjs", "throw new Error('my own fault');");
    const cases: [string[], RegExp][] = [
      [["--demo-tools"], /no key ring .*\n.*keys add/],
      [[], /no tools to serve.*\n.*--tools MODULE/],
      [["--config", "bad.json"], /unknown field "colour"/],
      [["--config", "none.json"], /ENOENT/],
      [["--dev", "--tools", "none.mjs"], /none\.mjs does not exist/],
      [["--dev", "--tools", "empty.mjs"], /must export `tools`/],
      [["--dev", "--tools", "broken.mjs"], /my own fault/],
      [["--dev", "--tls-cert", "x.pem"], /--tls-key/],
      [["--dev", "--reuse-port"], /must share a store.*\n.*--store/],
      [["--dev", "--listen", "0.0.0.0:0"], /--insecure|TLS|loopback/],
      [["--dev", "--listen", "unix:a,b.sock"], /unix:a,b\.sock holds a comma.*\n.*--listen/],
      [["--dev", "--concurrency", "10001"], /'--concurrency <n>'.*from 0 to 10000/],
      [["--dev", "--drain-timeout", "25h"], /'--drain-timeout <duration>'.*from 0s to 24h/],
    ];
    for (const [args, expected] of cases) {
      const { code, stdout, stderr } = await run(["serve", "--log-level", "silent", ...args]);
      assert.equal([code, stdout], [2, ""], args.join(" "));
      assert.match(stderr, expected, args.join(" "));
    }
  }));

test("a module's tools are served beside the demo's, with its default export or its names", () =>
  inFolder(async (folder) => {
    const source = new URL("../../src/", import.meta.url).href;
    const head = `
      import { implement } from "${source}tools/implement.ts";
      import { DemoToolServiceDefinition } from "${new URL("../../gen/sealwire/demo/v1/demo_tool_service.ts", import.meta.url).href}";
      const tools = [implement(DemoToolServiceDefinition, {
        batchSum: ({ numbers }) => ({ count: numbers.length, total: -1 }),
        startLongTask: () => ({ payload: undefined }),
      })];
      const descriptors = [];`;
    await writeFile("named.mjs", `${head} export { tools, descriptors };`);
    await writeFile("default.mjs", `${head} export default { tools, descriptors };`);
    await run(["keys", "add", "a", "--tools", "*", "--server-id", "s", "--out", "a.json"]);
    for (const module of ["named.mjs", "default.mjs"]) {
      await using server = await CliServer.start(folder, "--tools", module);
      const { stdout } = await run([...SUM, "--credentials", "a.json", "--address", server.ready.listening]);
      assert.is(stdout, '{"count":3,"total":-1}\n', module);
    }
  }));

test.run();
