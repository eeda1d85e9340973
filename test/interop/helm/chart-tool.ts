import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const HERE = import.meta.dirname;
const ROOT = join(HERE, "..", "..", "..");
const CACHE = join(ROOT, "node_modules", ".cache", "go-tools");
const runFile = promisify(execFile);

/** The chart. */
export const CHART = join(ROOT, "deploy", "helm", "sealwire");
/** The values that are rendered, `ci/NAME-values.yaml` in the chart. */
export const VALUES = ["example", "operated", "everything", "least"] as const;

/** What is expected of these values. */
export function goldenPath(name: (typeof VALUES)[number]): string {
  return join(HERE, "golden", `${name}.yaml`);
}

/** Builds the program of main.go unless that was done before; returns its path. */
export async function buildChartTool(): Promise<string> {
  const hash = createHash("sha256");
  for (const name of ["main.go", "go.mod", "go.sum"]) hash.update(readFileSync(join(HERE, name)));
  const program = join(CACHE, `chart@${hash.digest("hex").slice(0, 16)}`);
  if (existsSync(program)) return program;
  await mkdir(CACHE, { recursive: true });
  // It runs for a moment: without optimizations it is built in two thirds of the time.
  const args = ["build", "-gcflags=all=-N -l", "-ldflags=-s -w", "-buildvcs=false", "-o", `${program}.new`, "."];
  await runFile("go", args, { cwd: HERE, maxBuffer: 64 * 1024 * 1024 });
  await rename(`${program}.new`, program);
  return program;
}

/** Runs `chart lint` or `chart template`; rejects with what it says if it finds anything. */
export async function chart(command: "lint" | "template", values: string, folder = CHART): Promise<string> {
  return (await runFile(await buildChartTool(), [command, folder, values])).stdout;
}
