import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ProxyTracerProvider, trace } from "@opentelemetry/api";
import type { TracerProvider } from "@opentelemetry/sdk-trace";
import { ROOT } from "../architecture/source-files.ts";
import { startCollector } from "../support/otlp-collector.ts";
import { startServer } from "../support/running-server.ts";
import { assert, suite } from "../support/suite.ts";
import { codeBlocks } from "./code-blocks.ts";

const test = suite("docs/telemetry");

const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");
const page = read("docs/telemetry.md");

test("the page has every attribute of the spans", () => {
  const names = [...read("src/tracing/attributes.ts").matchAll(/^(?:export )?const \w+ = "([\w.]+)";$/gm)];
  assert.ok(names.length > 10);
  for (const [, name] of names) assert.match(page, `\`${name}\``);
});

test("the page has every variable that the command reads, and what it installs", () => {
  const source = read("src/cli/telemetry/variables.ts") + read("src/cli/telemetry/open-telemetry.ts");
  const variables = [...new Set([...source.matchAll(/\bOTEL_[A-Z_]+\b/g)].map(([name]) => name))];
  assert.ok(variables.length > 8);
  const short = (name: string): string => name.replace(/^OTEL_BSP(?=_)|^OTEL_EXPORTER_OTLP(?=_)/, "");
  const known = variables.filter((name) => !/PROTOCOL/.test(name));
  for (const name of known) assert.ok(page.includes(`\`${name}`) || page.includes(`\`${short(name)}`), name);
  const [, install = ""] = /"(npm install [^"]+)"/.exec(read("src/cli/telemetry/packages.ts")) ?? [];
  assert.match(codeBlocks(page)[0]?.text ?? "", install);
});

test("a program that registers the provider on the page sends the spans of its calls", async () => {
  const program = codeBlocks(page).find(({ language }) => language === "ts")?.text ?? "";
  await using collector = await startCollector();
  process.env.OTEL_EXPORTER_OTLP_ENDPOINT = collector.endpoint;
  const folder = join(ROOT, "node_modules", ".cache", "telemetry-page");
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `program-${process.pid}.mjs`);
  writeFileSync(file, program);
  try {
    await import(file);
  } finally {
    rmSync(file);
  }
  await using server = await startServer();
  await server.client().call("batch_sum", { numbers: [1] });
  const provider = trace.getTracerProvider() as ProxyTracerProvider;
  await (provider.getDelegate() as TracerProvider).shutdown();
  assert.ok(collector.spans.some(({ name }) => name === "execute_tool batch_sum"));
  trace.disable();
});

test.run();
