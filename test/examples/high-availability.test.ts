import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { fillIn } from "../../examples/high-availability/programs.ts";
import { resolveServeSettings } from "../../src/cli/serve/serve-settings.ts";
import { SCENARIOS } from "../crash/scenario.ts";
import { codeBlocks } from "../docs/code-blocks.ts";
import { assert, suite } from "../support/suite.ts";
import { unknownWords } from "./command-words.ts";

const test = suite("examples/high-availability");

const folder = join(import.meta.dirname, "..", "..", "examples", "high-availability");
const read = (file: string): string => readFileSync(join(folder, file), "utf8");
const page = read("README.md");
const CONFIGS = ["patroni.yaml", "etcd.yaml", "haproxy.cfg"];

test("the page names every variable of the configurations", () => {
  const table = page.split("\n").filter((line) => line.startsWith("| `"));
  for (const file of CONFIGS) {
    const used = [...read(file).matchAll(/\$\{([A-Z_0-9]+)\}/g)].map(([, name = ""]) => name);
    assert.ok(used.length > 0, file);
    for (const name of used.filter((each) => each !== "NAME" && !/_(TWO|THREE)$/.test(each)))
      assert.ok(
        table.some((line) => line.includes(`\`${name}\``)),
        `${file}: ${name}`,
      );
  }
});

test("a configuration whose variable has no value is not written", () => {
  assert.throws(() => fillIn(`a: \${ETCD_V2}`, { ETCD_PORT: 1 }), "ETCD_V2 has no value");
  assert.is(fillIn(`a: \${ETCD_V2}:\${NAME}`, { ETCD_V2: "true", NAME: 1 }), "a: true:1");
});

test("a member waits for a standby in every commit, and its limits of time are those that Patroni takes", () => {
  const { bootstrap } = parse(read("patroni.yaml").replaceAll(/\$\{[A-Z_0-9]+\}/g, "1")) as {
    readonly bootstrap: { readonly dcs: Readonly<Record<string, number | boolean>> };
  };
  const { ttl, loop_wait, retry_timeout, synchronous_mode, synchronous_mode_strict } = bootstrap.dcs;
  assert.ok(Number(ttl) >= 20 && Number(retry_timeout) >= 3);
  assert.ok(Number(loop_wait) + 2 * Number(retry_timeout) <= Number(ttl));
  assert.ok(synchronous_mode === true && synchronous_mode_strict === true);
});

test("the page, the settings of servers and the test of the cluster have one window for frames", async () => {
  const settings = await resolveServeSettings({
    config: join(folder, "serve.json"),
    store: "postgres://db.example/sealwire",
  });
  assert.is(settings.requireSyncReplication, true);
  const { limits } = JSON.parse(read("serve.json")) as { readonly limits: { readonly max_ahead_ms: number } };
  assert.match(page, `--max-ahead ${limits.max_ahead_ms / 1_000}s`);
  assert.is(SCENARIOS["high-availability"].maxAheadMs, limits.max_ahead_ms);
});

test("the commands of the page are those of sealwire", () => {
  const commands = codeBlocks(page).flatMap(({ text }) =>
    text.split("\n").filter((line) => line.startsWith("sealwire ")),
  );
  assert.is(commands.length, 3);
  for (const command of commands) assert.equal(unknownWords(command.split(" ").slice(1)), []);
});

test.run();
