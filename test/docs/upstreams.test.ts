import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readConfig } from "../../src/cli/input/config-file.ts";
import { resolveUpstreams, UPSTREAM_LIMITS } from "../../src/upstream/options.ts";
import { inFolder } from "../cli/cli-run.ts";
import { assert, suite } from "../support/suite.ts";
import { codeBlocks } from "./code-blocks.ts";

const test = suite("docs/upstreams");

const page = readFileSync(join(import.meta.dirname, "..", "..", "docs", "upstreams.md"), "utf8");
const shown = codeBlocks(page).find(({ language }) => language === "json")?.text ?? "";

test("the settings are those that serve reads, and the table has each of them", () =>
  inFolder(async () => {
    await writeFile("config.json", shown);
    const { upstreams = [] } = await readConfig("config.json");
    const [resolved] = resolveUpstreams(upstreams);
    assert.is(resolved?.name, "archive");
    const rows = [...(page.split("## Settings")[1] ?? "").matchAll(/^\| `([a-z_]+)` \| .* \|$/gm)].map(
      ([, name]) => name,
    );
    assert.equal(rows, Object.keys(JSON.parse(shown).upstreams.archive));
    const [least, most] = [
      UPSTREAM_LIMITS.maxConcurrency.least,
      UPSTREAM_LIMITS.maxConcurrency.most.toLocaleString("en"),
    ];
    assert.match(page, `${least} to ${most}, for each server process`);
  }));

test("without settings the defaults are those of the table", () => {
  const [resolved] = resolveUpstreams([{ name: "a", address: "unix:/nowhere/a.sock", descriptors: "a.binpb" }]);
  const row = (name: string) => new RegExp(`^\\| \`${name}\` \\| ([^|]*) \\|`, "m").exec(page)?.[1];
  assert.is(row("max_concurrency"), String(resolved?.maxConcurrency));
  assert.is(row("health"), `\`${resolved?.health}\``);
  assert.is(row("deduplicates"), String(resolved?.deduplicates));
  assert.is(row("trust_loopback"), String(resolved?.trustLoopback));
});

test.run();
