// test-limit-ms: 900000
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmod, copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { CliProcess, sealwire } from "../cli/cli-process.ts";
import { bufCurl } from "../e2e/buf-curl.ts";
import { assert } from "../support/suite.ts";
import { goTool } from "./go-tool.ts";
import { InteropServer } from "./interop-server.ts";
import { paste } from "./shell.ts";
import { suiteWith } from "./toolchain.ts";

/* Ordinary gRPC tools, and a generated stub without any code of Sealwire, through `sealwire proxy`. */
const test = suiteWith(["go", "python3"], "interop/proxy");

const ROOT = join(import.meta.dirname, "..", "..");
const DEMO = "sealwire.demo.v1.DemoToolService";
const NOBODY = 65_534;
const TOKEN = "0123456789abcdef0123456789abcdef";

let bin: string;
let server: InteropServer;
let credentials: string;
let python: Awaited<ReturnType<typeof pythonStub>>;
/** A proxy on a port that all users may call, and one on a unix socket. */
let open: RunningProxy;
let own: RunningProxy;

interface RunningProxy {
  readonly process: CliProcess;
  readonly address: string;
}

test.before(async () => {
  bin = await goTool("grpcurl");
  server = await InteropServer.start();
  credentials = await server.addClient("proxy");
  open = await startProxy("--listen", "127.0.0.1:0", "--allow-all-local-users");
  own = await startProxy();
  python = await pythonStub();
});
test.after(async () => {
  if (python !== undefined) await rm(python.folder, { recursive: true });
  await own?.process[Symbol.asyncDispose]();
  await open?.process[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
});

async function startProxy(...args: readonly string[]): Promise<RunningProxy> {
  const process = new CliProcess(["proxy", "--credentials", credentials, ...args], { cwd: server.folder });
  await process.until("the proxy", () => process.stdout.includes("\n"));
  return { process, address: JSON.parse(process.stdout).listening };
}

const pasted = (command: string) => paste(command, { cwd: server.folder, path: [bin] });

/** Runs a command of the CLI as the proxy's client and returns its JSON lines. */
async function ask(...args: readonly string[]): Promise<Record<string, unknown>[]> {
  const { code, stdout, stderr } = await sealwire([...args, "--credentials", credentials, "--json"], {
    cwd: server.folder,
  });
  assert.is(code, 0, stderr);
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}

/** The jobs that a proxy says it has started. */
function jobsOf({ process }: RunningProxy): string[] {
  return [...process.stderr.matchAll(/"job_id":"([^"]+)","msg":"job accepted"/g)].map(([, id = ""]) => id);
}

test("grpcurl calls a tool, over a port and over the socket", async () => {
  for (const { address } of [open, own]) {
    const { code, stdout, stderr } = await pasted(
      `grpcurl -plaintext -d '{"numbers":[1,2,3.5]}' ${address} ${DEMO}.BatchSum`,
    );
    assert.is(code, 0, stderr);
    assert.equal(JSON.parse(stdout), { count: 3, total: 6.5 });
  }
});

test("grpcurl lists and describes the tools with their comments", async () => {
  const listed = await pasted(`grpcurl -plaintext ${own.address} list`);
  for (const service of [DEMO, "interop.v1.InteropToolService", "sealwire.system.v1.SystemToolService"])
    assert.ok(listed.stdout.split("\n").includes(service), service);
  assert.not.match(listed.stdout, "sealwire.v1.ToolService");
  const { stdout } = await pasted(`grpcurl -plaintext ${own.address} describe ${DEMO}`);
  assert.match(stdout, "// Adds up a list of numbers.");
});

test("grpcurl shows the fields that break a rule", async () => {
  const { code, stderr } = await pasted(
    `grpcurl -plaintext -d '{"numbers":[1,"NaN"]}' ${open.address} ${DEMO}/BatchSum`,
  );
  assert.is(code, 64 + 3);
  for (const line of ['"field": "numbers[1]"', '"description": "must be finite"', '"reason": "ARGS_INVALID"'])
    assert.match(stderr, line);
});

test("grpcurl waits for a job and shows its id and its output", async () => {
  const { code, stdout, stderr } = await pasted(
    `grpcurl -v -plaintext -d '{"seconds":1,"payload":{"a":1}}' ${open.address} ${DEMO}/StartLongTask`,
  );
  assert.is(code, 0, stderr);
  assert.match(stdout, /Response headers received:\n(?:.*\n)*sealwire-job-id: \S+\nsealwire-request-id: \S+\n/);
  assert.match(stdout, '"payload": {');
});

test("Ctrl-C in mid-job leaves the job running, and the proxy has told its id", async () => {
  const before = jobsOf(open).length;
  const args = ["-v", "-plaintext", "-d", '{"seconds":3,"payload":{}}', open.address, `${DEMO}/StartLongTask`];
  const child = spawn(join(bin, "grpcurl"), args, { stdio: "ignore" });
  const ended = once(child, "close");
  await open.process.until("the job", () => jobsOf(open).length > before);
  child.kill("SIGINT");
  await ended;
  const jobId = jobsOf(open).at(-1) ?? "";
  const [last] = (await ask("jobs", "watch", jobId)).slice(-1);
  assert.match(JSON.stringify(last), "JOB_STATE_SUCCEEDED");
});

test("the same sealwire-request-id starts one job", async () => {
  const call = () =>
    pasted(
      `grpcurl -v -plaintext -H 'sealwire-request-id: nightly' -d '{"seconds":1,"payload":{}}' ${open.address} ${DEMO}/StartLongTask`,
    );
  const ids = (await Promise.all([call(), call()])).map(({ stdout }) => /sealwire-job-id: (\S+)/.exec(stdout)?.[1]);
  assert.ok(ids[0]);
  assert.is(ids[0], ids[1]);
});

test("grpcui shows the tools in its form and calls them", async () => {
  const program = join(await goTool("grpcui"), "grpcui");
  const child = spawn(program, ["-plaintext", "-open-browser=false", open.address], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "close");
  try {
    const page = await firstUrl(child.stdout);
    const response = await fetch(page);
    const services = [...(await response.text()).matchAll(/<option value="([^"]+)"/g)].map(([, name = ""]) => name);
    assert.ok(services.includes(DEMO), services.join(" "));
    const cookie = response.headers.getSetCookie()[0]?.split(";")[0] ?? "";
    const headers = { cookie, "x-grpcui-csrf-token": cookie.split("=")[1] ?? "", "content-type": "application/json" };
    const body = JSON.stringify({ metadata: [], data: [{ numbers: [1, 2, 3.5] }] });
    const invoked = await fetch(new URL(`invoke/${DEMO}.BatchSum`, page), { method: "POST", headers, body });
    const { responses } = (await invoked.json()) as { responses: { message: { total: number } }[] };
    assert.is(responses[0]?.message.total, 6.5);
  } finally {
    child.kill();
    await ended;
  }
});

test("ghz calls with plain JSON", async () => {
  const path = [await goTool("ghz")];
  const what = `--call ${DEMO}/BatchSum -d '{"numbers":[1,2]}' --total 1000 --concurrency 8`;
  const { code, stdout, stderr } = await paste(`ghz --insecure --format json ${what} ${open.address}`, {
    cwd: server.folder,
    path,
  });
  assert.is(code, 0, stderr);
  assert.equal(JSON.parse(stdout).statusCodeDistribution, { OK: 1000 });
});

test("buf curl calls by reflection", async () => {
  const { code, stdout, stderr } = await bufCurl(open.address, `${DEMO}/BatchSum`, '{"numbers": [1, 2, 3.5]}');
  assert.is(code, 0, stderr);
  assert.equal(JSON.parse(stdout), { count: 3, total: 6.5 });
});

test("an ordinary Python stub calls tools, over a port and over the socket", async () => {
  for (const { address } of [open, own]) {
    const { stdout, stderr } = await python.run(address, "sums");
    assert.equal(JSON.parse(stdout || stderr), { total: 6.5, code: "INVALID_ARGUMENT", fields: ["numbers[1]"] });
  }
});

test("a stub that repeats UNAVAILABLE gets the one job that it started, though the server is killed", async () => {
  const before = (await ask("jobs", "list")).length;
  const accepted = jobsOf(open).length;
  const job = python.run(open.address, "job", "4");
  await open.process.until("the job", () => jobsOf(open).length > accepted);
  await server.restart("SIGKILL");
  const { stdout, stderr } = await job;
  assert.equal(JSON.parse(stdout || stderr), { job: jobsOf(open).at(-1), payload: { greeting: "süß 🦭" } });
  assert.is((await ask("jobs", "list")).length, before + 1);
});

test("a server that is killed while calls arrive has one job for each, however often the stub repeats", async () => {
  const before = (await ask("jobs", "list")).length;
  const calls = [1, 2, 3].map(() => python.run(open.address, "job", "1"));
  await server.restart("SIGKILL");
  for (const { stdout, stderr } of await Promise.all(calls)) assert.match(stdout, "greeting", stderr);
  assert.is((await ask("jobs", "list")).length, before + 3);
});

test("a page's fetch gets nothing", async () => {
  const url = `http://${open.address}/${DEMO}/BatchSum`;
  const headers = { "content-type": "application/grpc-web+proto", origin: "https://example.com" };
  assert.instance(await fetch(url, { method: "POST", headers, body: "x" }).catch((error) => error), TypeError);
  const curl = (...given: readonly string[]) =>
    pasted(
      `curl --silent --output /dev/null --write-out '%{http_code}' --http2-prior-knowledge ${given.join(" ")} ${url}`,
    );
  const grpc = "--data x --header 'content-type: application/grpc'";
  assert.is((await curl(grpc, "--header 'origin: null'")).stdout, "403");
  assert.is((await curl(grpc, "--header 'sec-fetch-mode: cors'")).stdout, "403");
  assert.is((await curl("--data x --header 'content-type: application/grpc-web'")).stdout, "415");
});

const another = "another user reaches neither the socket nor, without the token, the port";
if (process.geteuid?.() !== 0) {
  test.skip(another, "needs root, to become another user");
} else {
  test(another, async () => {
    await writeFile(join(server.folder, "token"), TOKEN, { mode: 0o600 });
    const guarded = await startProxy("--listen", "127.0.0.1:0", "--token-file", "token");
    const folder = await mkdtemp(join(tmpdir(), "sealwire-nobody-"));
    try {
      await chmod(folder, 0o755);
      await copyFile(join(bin, "grpcurl"), join(folder, "grpcurl"));
      const asNobody = (...args: readonly string[]): string => {
        const options = { uid: NOBODY, gid: NOBODY, cwd: folder };
        const { stdout, stderr } = spawnSync(
          join(folder, "grpcurl"),
          ["-plaintext", "-connect-timeout", "2", ...args],
          options,
        );
        return String(stdout) + String(stderr);
      };
      const socket = join(server.folder, own.address.slice("unix:".length));
      assert.match(asNobody("-unix", socket, "list"), "Failed to dial");
      assert.match(asNobody(guarded.address, "list"), "authorization: Bearer TOKEN");
      assert.match(asNobody("-H", `authorization: Bearer ${TOKEN}`, guarded.address, "list"), DEMO);
      assert.match(asNobody(open.address, "list"), DEMO);
    } finally {
      await guarded.process[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    }
  });
}

/** The first URL that a program prints. */
async function firstUrl(output: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface({ input: output })) {
    const [url] = /http:\S+/.exec(line) ?? [];
    if (url !== undefined) return url;
  }
  throw new Error("grpcui ended without saying where its page is");
}

/** Generates Python stubs of the demo tools with protoc alone. */
async function pythonStub() {
  const folder = await mkdtemp(join(tmpdir(), "sealwire-stub-"));
  const files = ["sealwire/demo/v1/*", "sealwire/v1/{options,job,error}", "buf/validate/validate"];
  const { code, stderr } = await paste(
    `set -eu
    python3 -m venv .venv
    .venv/bin/pip install --quiet grpcio==1.85.1 grpcio-tools==1.85.1 googleapis-common-protos==1.76.0
    .venv/bin/python3 -m grpc_tools.protoc -I '${join(ROOT, "proto")}' -I '${join(ROOT, "dist/proto")}' \
      --python_out=. --grpc_python_out=. ${files.map((file) => `$(cd '${join(ROOT, "proto")}' && echo ${file}.proto)`).join(" ")}
    cp '${join(import.meta.dirname, "python/native.py")}' .`,
    { cwd: folder, path: [] },
  );
  assert.is(code, 0, stderr);
  return {
    folder,
    async run(address: string, ...args: readonly string[]) {
      const target = address.startsWith("unix:") ? `unix:${join(server.folder, address.slice(5))}` : address;
      const child = spawn(join(folder, ".venv/bin/python3"), ["native.py", target, ...args], {
        cwd: folder,
        env: { ...process.env, PYTHONPATH: folder },
      });
      const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
      return { stdout, stderr };
    },
  };
}

test.run();
