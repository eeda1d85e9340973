// test-limit-ms: 300000
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseDuration } from "../../src/cli/input/duration.ts";
import { ExitCode } from "../../src/cli/output/exit-code.ts";
import { resolveServeSettings } from "../../src/cli/serve/serve-settings.ts";
import { CliProcess, sealwire } from "../cli/cli-process.ts";
import { inFolder } from "../cli/cli-run.ts";
import { assert, suite } from "../support/suite.ts";
import { unknownWords } from "./command-words.ts";
import { pageCommands } from "./image.ts";

const test = suite("examples/systemd");

const folder = join(import.meta.dirname, "..", "..", "examples", "systemd");
const unit = readFileSync(join(folder, "sealwire.service"), "utf8");
const config = readFileSync(join(folder, "serve.json"), "utf8");

/** What the unit says under a name. */
function setting(name: string): string {
  const values = [...unit.matchAll(new RegExp(`^${name}=(.*)$`, "gm"))].map(([, value = ""]) => value);
  assert.is(values.length, 1, name);
  return values[0] ?? "";
}

test("the unit starts the binary itself, as a user who is not root, on a command line that sealwire takes", async () => {
  const [binary = "", ...words] = setting("ExecStart").split(" ");
  assert.match(binary, /^\/.*\/node_modules\/\.bin\/sealwire$/);
  assert.equal(unknownWords(words), []);
  assert.not.match(unit, /^Exec.*\bnp[mx]\b/m);
  assert.is(setting("User"), "sealwire");
  const made = (await pageCommands("systemd")).find((line) => line.includes("keys add")) ?? "";
  assert.match(made, `runuser -u ${setting("User")} -- ${binary} keys add`);
  assert.equal(unknownWords(made.slice(made.indexOf("keys add")).split(/\s+/)), []);
});

test("systemd waits for five seconds more than a shutdown takes", async () => {
  const settings = await resolveServeSettings({ config: join(folder, "serve.json") });
  const stopMs = parseDuration(`${setting("TimeoutStopSec")}s`) ?? 0;
  assert.ok(stopMs >= settings.drainDelayMs + settings.drainTimeoutMs + 5_000, String(stopMs));
  assert.is(settings.data, `/var/lib/${setting("StateDirectory")}`);
  assert.ok(settings.healthFile?.startsWith(`/run/${setting("RuntimeDirectory")}/`));
});

test("systemd does not start again what only an operator can put right", () =>
  inFolder(async (home) => {
    const final = setting("RestartPreventExitStatus").split(" ").map(Number);
    assert.equal(final, [ExitCode.usage, ExitCode.store]);
    await writeFile(
      "store.db",
      "no database, but longer than the header of one, and so a file of something else\n".repeat(9),
    );
    const key = ["keys", "add", "reports", "--server-id", "calculator", "--tools", "*", "--out", "reports.json"];
    assert.is((await sealwire([...key, "--data", "data"], { cwd: home })).code, 0);
    await rename("store.db", join("data", "sealwire.db"));
    for (const [config, code] of [
      [{ listen: "nonsense" }, ExitCode.usage],
      [{ data: "data", demo_tools: true }, ExitCode.store],
    ] as const) {
      await writeFile("serve.json", JSON.stringify({ ...config, log_level: "silent" }));
      const [, ...words] = setting("ExecStart").replace("/etc/sealwire", home).split(" ");
      const ended = await sealwire(words, { cwd: home });
      assert.is(ended.code, code, ended.stderr);
    }
  }));

const judged = "systemd accepts the unit and finds it well shut in";

function judge(): Promise<void> {
  return inFolder(async () => {
    // A binary that is there: systemd looks for it.
    await writeFile("sealwire.service", unit.replace(/^(ExecStart=)\S+/m, `$1${process.execPath}`));
    const analyze = (...args: readonly string[]) => {
      const { status, stdout, stderr } = spawnSync("systemd-analyze", args, { encoding: "utf8" });
      return { status, text: `${stdout}${stderr}` };
    };
    const verified = analyze("verify", "--man=no", "--recursive-errors=no", "./sealwire.service");
    assert.equal(verified, { status: 0, text: "" });
    const exposed = analyze("security", "--offline=yes", "--threshold=25", "./sealwire.service");
    assert.is(exposed.status, 0, exposed.text);
  });
}

if (spawnSync("systemd-analyze", ["--version"]).status === 0) test(judged, judge);
else test.skip(judged, "systemd-analyze is not installed", judge);

test("what the unit starts serves by its configuration, and ends by one SIGTERM with nothing left behind", () =>
  inFolder(async (home) => {
    const text = config
      .replace('["/opt/checksum-tools/implementation.ts"]', "[]")
      .replaceAll("/var/lib/sealwire", join(home, "lib"))
      .replaceAll("/run/sealwire", join(home, "run"))
      .replace("127.0.0.1:50051", "127.0.0.1:0");
    await writeFile("serve.json", JSON.stringify({ ...JSON.parse(text), demo_tools: true }));
    await mkdir("run");
    const made = await sealwire(
      ["keys", "add", "a", "--server-id", "s", "--tools", "*", "--data", "lib", "--out", "a.json"],
      { cwd: home },
    );
    assert.is(made.code, 0, made.stderr);
    const [, ...words] = setting("ExecStart").replace("/etc/sealwire", home).split(" ");
    await using server = new CliProcess(words, { cwd: home });
    await server.until("the server", () => server.stdout.includes("\n"));
    assert.is(await readFile("run/health", "utf8"), "SERVING\n");
    const { pid } = server.child;
    const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
    assert.is(children.trim(), "", "the server is one process, which the signal reaches");
    process.kill(pid ?? 0, "SIGTERM");
    const { code, stderr } = await server.ended;
    assert.is(code, 0, stderr);
  }));

test.run();
