import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { processCounters } from "../../src/cli/process-guard.ts";
import { resolveServeSettings } from "../../src/cli/serve-settings.ts";
import { type ParameterName, URL_PARAMETERS } from "../../src/jobs/postgres/url-parameters.ts";
import { openSqliteStore } from "../../src/jobs/sqlite/open.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { createMetrics } from "../../src/server/metrics.ts";
import { DEFAULT_SERVER_LIMITS } from "../../src/server/server-limits.ts";
import { DEFAULT_KEY_LIMITS } from "../../src/signing/key-ring/types.ts";
import { assert, suite } from "../support/suite.ts";
import { codeBlocks } from "./code-blocks.ts";

const test = suite("docs/operations");

const page = readFileSync(join(import.meta.dirname, "..", "..", "docs", "operations.md"), "utf8");

const METRIC = /^(sealwire|grpc_server|nodejs|process)_/;

const namesIn = (text: string): string[] => [...text.matchAll(/`([a-z0-9_]+)`/g)].map(([, name = ""]) => name);

function sectionOf(heading: string): string {
  return page.split(/^## /m).find((text) => text.startsWith(`${heading}\n`)) ?? "";
}

/** The rows of the tables under a heading: the text in backquotes that begins each, and its second cell. */
function rowsUnder(heading: string): Record<string, string> {
  const rows = sectionOf(heading).matchAll(/^\| `([a-z_]+)` \| ([^|]*?) *\|/gm);
  return Object.fromEntries([...rows].map(([, name, cell]) => [name, cell]));
}

function snakeCase(limits: object): Record<string, string> {
  return Object.fromEntries(
    Object.entries(limits).map(([name, value]) => [
      name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      String(value),
    ]),
  );
}

test("the page has every limit with its default", () => {
  assert.equal(rowsUnder("Limits"), { ...snakeCase(DEFAULT_SERVER_LIMITS), ...snakeCase(DEFAULT_KEY_LIMITS) });
});

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
