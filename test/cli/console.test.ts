import { spawnSync } from "node:child_process";
import { readFile, stat, writeFile } from "node:fs/promises";
import type { ToolAnswer } from "../../src/console/answers.ts";
import { toolCommands } from "../../src/console/browser/commands.ts";
import { bearer, EventReader, JSON_BODY, send, signIn } from "../console/http-client.ts";
import { codeBlocks } from "../docs/code-blocks.ts";
import { eventually } from "../support/eventually.ts";
import { assert, suite } from "../support/suite.ts";
import { CliServer } from "./cli-process.ts";
import { inFolder, run } from "./cli-run.ts";

const test = suite("cli/console");

interface Ready {
  readonly instance?: string;
  readonly console?: string;
  readonly console_url_file?: string;
}

test("without a terminal the one-time URL is in a file of its owner, and the next one follows each use", () =>
  inFolder(async (folder) => {
    await using server = await CliServer.start(folder, "--dev");
    const { console: origin = "", console_url_file: file = "" } = server.ready as Ready;
    assert.match(origin, /^http:\/\/127\.0\.0\.1:\d+$/);
    assert.is(file, ".sealwire/console-url");
    assert.is((await stat(file)).mode & 0o777, 0o600);
    const url = (await readFile(file, "utf8")).trim();
    const [start, token = ""] = url.split("/#token=");
    assert.is(start, origin);
    const session = await signIn(origin, token);
    assert.is(session.status, 200);
    await eventually("the next URL", async () => (await readFile(file, "utf8")).trim() !== url);
    const headers = bearer(session.json<{ token: string }>().token);
    const about = (await send(`${origin}/api/about`, { headers })).json<{ serverId: string; address: string }>();
    assert.equal([about.serverId, about.address], [server.ready.server_id, server.ready.listening]);
    server.process.child.kill("SIGTERM");
    const { code, stdout, stderr } = await server.process.ended;
    assert.is(code, 0, stderr);
    assert.not.match(stdout + stderr, token);
    assert.not.match(stdout + stderr, headers.authorization ?? "");
    assert.match(stderr, /"name":"console","role":"operator","msg":"signed in to the console"/);
    assert.is(await stat(file).catch(() => undefined), undefined);
  }));

test("every page reads what the server does: its jobs, keys, tools and instances", () =>
  inFolder(async (folder) => {
    await using server = await CliServer.start(folder, "--dev");
    const { console: origin = "", console_url_file: file = "" } = server.ready as Ready;
    const session = await signIn(origin, (await readFile(file, "utf8")).trim().split("#token=")[1] ?? "");
    const { token } = session.json<{ token: string }>();
    const read = async <T>(path: string): Promise<T> =>
      (await send(`${origin}${path}`, { headers: bearer(token) })).json<T>();
    assert.is((await run(["call", "start_long_task", '{"seconds": 20}', "--detach"])).code, 0);
    const { jobs } = await read<{ jobs: readonly { jobId: string; client: string }[] }>(
      "/api/jobs?tool=start_long_task",
    );
    assert.equal(
      jobs.map(({ client }) => client),
      ["dev"],
    );
    const path = `/api/jobs/${jobs[0]?.jobId}`;
    await using view = await EventReader.open(origin, path, token);
    const states: string[] = [];
    const next = async (): Promise<void> => {
      const { data } = (await view.next()) as { readonly data: { readonly state: string } };
      if (states.at(-1) !== data.state) states.push(data.state);
    };
    await next();
    const cancel = { method: "POST", headers: { ...JSON_BODY, ...bearer(token) }, body: "{}" };
    assert.is((await send(`${origin}${path}/cancel`, cancel)).status, 200);
    while (states.at(-1) !== "CANCELLED") await next();
    const { keys } = await read<{ keys: readonly { keyId: string; state: string }[] }>("/api/keys");
    assert.equal(
      keys.map(({ state }) => state),
      ["active"],
    );
    assert.is((await send(`${origin}/api/keys/${keys[0]?.keyId}/revoke`, cancel)).status, 200);
    await eventually("the key is refused", async () => (await run(["tools"])).code === 3);
    const { tools } = await read<{ tools: readonly { name: string }[] }>("/api/tools");
    assert.ok(tools.some(({ name }) => name === "batch_sum"));
    const { instances } = await read<{ instances: readonly { id: string }[] }>("/api/overview");
    assert.equal(
      instances.map(({ id }) => id),
      [(server.ready as Ready).instance],
    );
    const secrets = await readFile(".sealwire/client.json", "utf8");
    const shown = JSON.stringify([keys, tools, jobs]);
    for (const [, secret = ""] of secrets.matchAll(/"([\w+/=-]{40,})"/g)) assert.not.match(shown, secret);
  }));

test("with a token file there is no URL, and a read-only console changes nothing", () =>
  inFolder(async (folder) => {
    const token = "0123456789abcdef0123456789abcdef";
    await writeFile("tokens", `ada operator ${token}\n`, { mode: 0o600 });
    await using server = await CliServer.start(
      folder,
      "--dev",
      "--console-token-file",
      "tokens",
      "--console-read-only",
    );
    const { console: origin = "", console_url_file: file } = server.ready as Ready;
    assert.is(file, undefined);
    const session = (await signIn(origin, token)).json<{ token: string; name: string; role: string }>();
    assert.equal([session.name, session.role], ["ada", "viewer"]);
    const request = { method: "POST", headers: { ...JSON_BODY, ...bearer(session.token) }, body: "{}" };
    for (const path of ["/api/jobs/1/cancel", "/api/keys/k_1/retire", "/api/keys/k_1/revoke"])
      assert.is((await send(`${origin}${path}`, request)).status, 403, path);
    await writeFile("tokens", `bob viewer ${token}x\n`);
    await eventually("ada is signed out", async () => {
      const headers = bearer(session.token);
      return (await send(`${origin}/api/about`, { headers })).status === 401;
    });
    assert.is((await signIn(origin, token)).status, 401);
    assert.is((await signIn(origin, `${token}x`)).status, 200);
  }));

/** Makes a certificate for this machine in the current folder: self-signed, or of an authority whose file is given. */
function certify(name: string, authority?: string): void {
  const subject = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=${name}`.split(" ");
  const names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
  const signer = authority === undefined ? [] : ["-CA", `${authority}.pem`, "-CAkey", `${authority}.key`];
  const files = ["-keyout", `${name}.key`, "-out", `${name}.pem`];
  const made = spawnSync("openssl", [...subject, ...names, ...signer, ...files]);
  assert.is(made.status, 0, String(made.stderr));
}

/** The words of a command that is pasted into a shell, without the program. */
function pasted(command: string): string[] {
  const listed = spawnSync("sh", ["-c", `npx() { shift; printf '%s\\n' "$@"; }; ${command}`], { encoding: "utf8" });
  return listed.stdout.trimEnd().split("\n");
}

const withOpenssl = (name: string, body: () => Promise<void>): void =>
  spawnSync("openssl", ["version"]).status === 0 ? test(name, body) : test.skip(name, "there is no openssl");

withOpenssl("the commands of a tool of a server with TLS do what they say when they are pasted", () =>
  inFolder(async (folder) => {
    certify("ca");
    certify("server", "ca");
    certify("client", "ca");
    await writeFile("tokens", `ada operator ${"a".repeat(32)}\n`, { mode: 0o600 });
    const servers = {
      "ca.pem": ["--tls-cert", "ca.pem", "--tls-key", "ca.key", "--listen", "0.0.0.0:0"],
      "the placeholder": ["--tls-cert", "server.pem", "--tls-key", "server.key", "--tls-client-ca", "ca.pem"],
    };
    for (const [authority, options] of Object.entries(servers)) {
      await using server = await CliServer.start(folder, "--dev", "--console-token-file", "tokens", ...options);
      const origin = ((server.ready as Ready).console ?? "").replace("127.0.0.1", "localhost");
      const { token } = (await signIn(origin, "a".repeat(32))).json<{ token: string }>();
      const tool = (await send(`${origin}/api/tools/batch_sum`, { headers: bearer(token) })).json<ToolAnswer>();
      const commands = toolCommands({ ...tool, host: "localhost", args: { numbers: [1, 2] } });
      const called = await run(pasted(commands.sealwire));
      assert.equal([called.code, called.stdout], [0, '{"count":2,"total":3}\n'], `${authority}: ${called.stderr}`);
      const signed = await run(pasted(commands.grpcurl.replace(" | sh", "")));
      assert.match(signed.stdout, "grpcurl -cacert ca.pem", signed.stderr);
    }
  }),
);

test("the commands of the page make a token file with which somebody signs in", () =>
  inFolder(async (folder) => {
    const page = await readFile(new URL("../../docs/console.md", import.meta.url), "utf8");
    const block = codeBlocks(page).find(({ text }) => text.startsWith("umask"))?.text ?? "";
    const made = spawnSync("sh", ["-c", block], { encoding: "utf8" });
    assert.is(made.status, 0, made.stderr);
    await using server = await CliServer.start(folder, "--dev", "--console-token-file", "console-tokens");
    const session = await signIn((server.ready as Ready).console ?? "", made.stdout.trim());
    assert.is(session.json<{ name: string }>().name, "ada");
  }));

test("a server without --dev has no console, and none beyond loopback without TLS and tokens", () =>
  inFolder(async (folder) => {
    const off = await run(["serve", "--dev", "--console", "0.0.0.0:0"]);
    assert.is(off.code, 2);
    assert.match(off.stderr, /needs a certificate \(--tls-cert, --tls-key\) and a token file \(--console-token-file\)/);
    await using server = await CliServer.start(folder, "--dev", "--no-console");
    assert.is((server.ready as Ready).console, undefined);
  }));

test("what is done in the console is in the audit log, with the address of who did it", () =>
  inFolder(async (folder) => {
    await using server = await CliServer.start(folder, "--dev", "--audit", "audit.log");
    const { console: origin = "", console_url_file: file = "" } = server.ready as Ready;
    const session = await signIn(origin, (await readFile(file, "utf8")).trim().split("#token=")[1] ?? "");
    const headers = { ...JSON_BODY, ...bearer(session.json<{ token: string }>().token) };
    assert.is((await send(`${origin}/api/jobs/none/cancel`, { method: "POST", headers, body: "{}" })).status, 404);
    assert.is((await signIn(origin, "wrong")).status, 401);
    const shown = await eventually("both lines", async () => {
      const lines = (await readFile("audit.log", "utf8")).split("\n").filter((line) => line.includes('"operator.'));
      return lines.length === 2 && lines.map((line) => JSON.parse(line));
    });
    assert.equal(
      shown.map(({ action, actor }) => [action, actor.client]),
      [
        ["operator.begin", "console"],
        ["operator.end", "console"],
      ],
    );
    for (const { source } of shown) assert.match(String(source), /^127\.0\.0\.1:\d+$/);
    server.process.child.kill("SIGTERM");
    assert.is((await server.process.ended).code, 0);
    const lines = (await readFile("audit.log", "utf8")).split("\n").filter((line) => line.includes('"console.'));
    const accesses = lines.map((line) => JSON.parse(line));
    assert.equal(
      accesses.map(({ action, outcome, actor, count, details }) => [action, outcome, actor?.client, count, details]),
      [
        ["console.sign_in", "succeeded", "console", undefined, { role: "operator" }],
        ["console.refuse", "refused", undefined, 1, { causes: { SIGNED_OUT: 1 } }],
      ],
    );
    assert.is((await run(["audit", "verify", "audit.log"])).code, 0);
  }));

test.run();
