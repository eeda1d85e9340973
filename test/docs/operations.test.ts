import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseDuration } from "../../src/cli/input/duration.ts";
import { processCounters } from "../../src/cli/serve/process-guard.ts";
import { resolveServeSettings } from "../../src/cli/serve/serve-settings.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { createMetrics } from "../../src/server/metrics/metrics.ts";
import { DEFAULT_SERVER_LIMITS, SERVER_LIMITS } from "../../src/server/server-limits.ts";
import { DEFAULT_KEY_LIMITS, KEY_LIMIT_RANGES } from "../../src/signing/key-ring/types.ts";
import { type ParameterName, URL_PARAMETERS } from "../../src/store/postgres/connection/url-parameters.ts";
import { openSqliteStore } from "../../src/store/sqlite/open.ts";
import { inFolder } from "../cli/cli-run.ts";
import { snakeCase, snakeCased } from "../support/snake-case.ts";
import { assert, suite } from "../support/suite.ts";
import { codeBlocks } from "./code-blocks.ts";

const test = suite("docs/operations");

const page = readFileSync(join(import.meta.dirname, "..", "..", "docs", "operations.md"), "utf8");

const METRIC = /^(sealwire|grpc_server|nodejs|process)_/;

const namesIn = (text: string): string[] => [...text.matchAll(/`([a-z0-9_]+)`/g)].map(([, name = ""]) => name);

function sectionOf(heading: string): string {
  return page.split(/^## /m).find((text) => text.startsWith(`${heading}\n`)) ?? "";
}

/** The rows of the tables under a heading: the text in backquotes that begins each, and a further cell, the first being 1. */
function rowsUnder(heading: string, cell = 1): Record<string, string> {
  const rows = [...sectionOf(heading).matchAll(/^\| `([a-z_]+)` \|(.*)\|$/gm)];
  return Object.fromEntries(rows.map(([, name, cells = ""]) => [name, cells.split("|")[cell - 1]?.trim() ?? ""]));
}

/** A number as the page writes it. */
const written = (values: object): Record<string, string> =>
  Object.fromEntries(Object.entries(snakeCased({ ...values })).map(([name, value]) => [name, String(value)]));

test("the page has every limit with its default and its range", () => {
  const defaults = { ...written(DEFAULT_SERVER_LIMITS), ...written(DEFAULT_KEY_LIMITS) };
  assert.equal(rowsUnder("Limits"), defaults);
  const ranges = Object.entries<{ least: number; most: number }>({
    ...snakeCased(SERVER_LIMITS),
    ...snakeCased(KEY_LIMIT_RANGES),
  });
  assert.equal(
    rowsUnder("Limits", 2),
    Object.fromEntries(ranges.map(([name, { least, most }]) => [name, `${least} to ${most}`])),
  );
});

test("the page has every setting, and the ranges and defaults that serve goes by", () =>
  inFolder(async () => {
    const shown = JSON.parse(codeBlocks(page).find(({ language }) => language === "json")?.text ?? "");
    const named = Object.keys(await resolveServeSettings({})).map((name) => snakeCase(name.replace(/Ms$/, "")));
    const listed = new Set([...Object.keys(shown), ...namesIn(sectionOf("Configuration"))]);
    assert.equal(
      named.filter((name) => !listed.has(name)),
      [],
    );
    assert.equal(
      Object.keys(shown).filter((name) => !named.includes(name)),
      [],
    );
    const accepts = async (name: string, value: unknown): Promise<boolean> => {
      await writeFile("serve.json", JSON.stringify({ [name]: value }));
      return resolveServeSettings({ config: "serve.json" }).then(
        () => true,
        () => false,
      );
    };
    const defaults = snakeCased(Object.fromEntries(Object.entries(await resolveServeSettings({}))));
    for (const [name, range] of Object.entries(rowsUnder("Configuration", 2))) {
      const [least = "", most = ""] = range.split(" to ");
      const isTime = /[a-z]$/.test(most);
      const value = (text: string, add: number) =>
        isTime ? `${(parseDuration(text) ?? Number.NaN) + add}ms` : Number(text) + add;
      assert.equal([await accepts(name, value(least, 0)), await accepts(name, value(most, 0))], [true, true], name);
      assert.equal([await accepts(name, value(least, -1)), await accepts(name, value(most, 1))], [false, false], name);
      const written = rowsUnder("Configuration")[name] ?? "";
      const wanted = isTime ? parseDuration(written) : written === "none" ? undefined : Number(written);
      assert.is(defaults[isTime ? `${name}_ms` : name], wanted, name);
    }
  }));

test("the page has every parameter of a store's URL, with its variable and its values", () => {
  const section = page.split("\n| parameter | or | is |\n")[1]?.split("\n\n")[0] ?? "";
  const rows = [...section.matchAll(/^\|(.*`.*)\|([^|]*)\|([^|]*)\|$/gm)];
  const named = rows.flatMap(([, names = "", variables = "", meaning = ""]) =>
    [...names.matchAll(/`([a-z_]+)`/g)].map(([, name = ""]) => ({ name, variables, meaning })),
  );
  assert.equal(named.map(({ name }) => name).sort(), Object.keys(URL_PARAMETERS).sort());
  for (const { name, variables, meaning } of named) {
    const { env, values = [] } = URL_PARAMETERS[name as ParameterName] as { env?: string; values?: readonly string[] };
    if (env !== undefined) assert.match(variables, `\`${env}\``);
    for (const value of values) assert.match(meaning, `\`${value}\``);
  }
});

test("the page has every metric, and every metric that it names is one", async () => {
  await using store = await openSqliteStore({ path: ":memory:" });
  const metrics = await createMetrics({
    store,
    clock: systemClock,
    counters: processCounters({ dropped: 0 }, { count: 0 }),
  });
  const text = await metrics.text();
  const names = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name = ""]) => name).sort();
  const section = sectionOf("Metrics");
  const table = section.split("\n| metric | labels | is |\n")[1]?.split("\n\n")[0] ?? "";
  const listed = [...table.matchAll(/^\| ([^|]*) \|/gm)].flatMap(([, cell = ""]) => namesIn(cell));
  assert.equal(listed.sort(), names);
  for (const name of namesIn(page)) assert.ok(!METRIC.test(name) || names.includes(name), name);
});

test("the configuration on the page is accepted and says what the page says it does", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sealwire-config-"));
  try {
    const block = codeBlocks(page).find(({ language }) => language === "json");
    writeFileSync(join(folder, "serve.json"), block?.text ?? "");
    const settings = await resolveServeSettings({ config: join(folder, "serve.json") });
    assert.is(settings.listen, "0.0.0.0:50051");
    assert.is(settings.tls?.certificatePath, join(folder, "tls", "server.pem"));
    assert.is(settings.drainTimeoutMs, 25_000);
    assert.equal(settings.limits, { connectionsMax: 2000 });
    assert.equal(settings.tools, [join(folder, "tools.ts")]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.run();
