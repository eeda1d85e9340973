import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { processCounters } from "../../src/cli/serve/process-guard.ts";
import { WIRE_REASONS } from "../../src/errors.ts";
import { createMetrics } from "../../src/server/metrics/metrics.ts";
import { openSqliteStore } from "../../src/store/sqlite/open.ts";
import { assert, suite } from "../support/suite.ts";
import { unknownWords } from "./command-words.ts";

/* The alert rules and the dashboard name metrics that there are. test/examples/monitoring.long.ts tests the rules. */
const test = suite("examples/monitoring");

const read = (name: string): string =>
  readFileSync(join(import.meta.dirname, "..", "..", "examples", "monitoring", name), "utf8");

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: { readonly summary: string; readonly runbook: string };
}

interface Panel {
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string }[];
}

const rules: readonly Rule[] = parse(read("alerts.yaml")).groups.flatMap(({ rules }: { rules: Rule[] }) => rules);
const panels: readonly Panel[] = JSON.parse(read("dashboard.json")).panels;
const queries = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));

/** The metrics in an expression. */
const namesIn = (text: string): readonly string[] => text.match(/\b(?:sealwire|grpc_server|nodejs|process)_\w+/g) ?? [];

test("every metric of the alerts, of their cases and of the dashboard is scraped", async () => {
  await using store = await openSqliteStore({ path: ":memory:" });
  const counters = processCounters({ dropped: 0 }, { count: 0 });
  const text = await (await createMetrics({ store, counters })).text();
  const types = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)];
  const scraped = new Set(
    types.flatMap(([, name = "", type]) =>
      type === "histogram" ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
    ),
  );
  const used = [...rules.flatMap(({ expr, annotations }) => [expr, annotations.runbook]), ...queries];
  const names = [...used, read("alerts.test.yaml"), read("README.md")].flatMap(namesIn);
  assert.ok(names.length > 40);
  assert.equal(
    names.filter((name) => !scraped.has(name)),
    [],
  );
  const reasons = [...used.join(" ").matchAll(/reason="(\w+)"/g)].map(([, reason = ""]) => reason);
  assert.ok(reasons.length >= 5);
  for (const reason of reasons) assert.ok(Object.hasOwn(WIRE_REASONS, reason), reason);
});

test("every alert says what to do, and has a case in which it fires and one in which it does not", () => {
  const { tests } = parse(read("alerts.test.yaml"));
  const cases = tests.flatMap(({ alert_rule_test }: { alert_rule_test: object[] }) => alert_rule_test);
  for (const { alert, annotations } of rules) {
    assert.ok(annotations.summary.length > 20 && annotations.runbook.length > 20, alert);
    const own = cases.filter(({ alertname }: { alertname: string }) => alertname === alert);
    const firing = own.map(({ exp_alerts }: { exp_alerts: object[] }) => exp_alerts.length);
    assert.equal(firing.sort(), [0, 1], alert);
  }
  assert.is(cases.length, 2 * rules.length);
});

test("the commands and pages that alerts lead to exist, with their options", () => {
  const texts = rules.map(({ annotations }) => annotations.runbook);
  const commands = texts.flatMap((text) => [...text.matchAll(/`sealwire ([^`]+)`/g)].map(([, words = ""]) => words));
  assert.ok(commands.length >= 8);
  for (const command of commands) assert.equal(unknownWords(command.split(" ")), [], command);
  const pages = texts.flatMap((text) => text.match(/docs\/[\w-]+\.md/g) ?? []);
  assert.ok(pages.length >= 4);
  for (const page of pages) assert.ok(existsSync(join(import.meta.dirname, "..", "..", page)), page);
});

test("no panel of the dashboard covers another", () => {
  for (const one of panels) {
    assert.ok(one.gridPos.x + one.gridPos.w <= 24, one.title);
    const covered = panels.filter(
      ({ gridPos: { x, y, w, h }, ...other }) =>
        other.title !== one.title &&
        x < one.gridPos.x + one.gridPos.w &&
        one.gridPos.x < x + w &&
        y < one.gridPos.y + one.gridPos.h &&
        one.gridPos.y < y + h,
    );
    assert.equal(covered, [], one.title);
  }
  assert.ok(queries.length > 20);
});

test.run();
