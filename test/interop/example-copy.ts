import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, readFile, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { codeBlocks } from "../docs/code-blocks.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const LINKED = ["clients", "proto", "dist", "node_modules", "package.json", "buf.yaml"];
const CREDENTIALS = "../../.sealwire/client.json";
const OUTPUT_BYTES_MOST = 64 * 1024 * 1024;
const run = promisify(execFile);

/** A fresh copy of an example, as in a clone that `npm ci` was run in. */
export interface ExampleCopy {
  /** Runs the blocks of its README that build it. */
  build(): Promise<void>;
  /** Runs the README's last block, with these credentials in place of those of `serve --dev`. Resolves to what it printed. */
  run(credentials: string): Promise<string>;
}

/**
 * Copies `examples/<name>` to the same place below a folder, without what git ignores; the rest of the clone is linked to.
 * `env`: additional environment variables.
 */
export async function copyExample(
  name: string,
  folder: string,
  env: Readonly<Record<string, string>> = {},
): Promise<ExampleCopy> {
  const example = join("examples", name);
  await copyFiles(await listFiles([example]), folder);
  const path = join(folder, example);
  const readme = await shellBlocks(join(path, "README.md"));
  const last = readme.at(-1) ?? "";
  if (!last.includes(CREDENTIALS))
    throw new Error(`the last shell block of ${example}/README.md names no ${CREDENTIALS}`);
  return {
    build: async () => {
      for (const block of readme.slice(0, -1)) await runScript(block, path, env);
    },
    run: async (credentials) => (await runScript(last.replaceAll(CREDENTIALS, `'${credentials}'`), path, env)).stdout,
  };
}

/** The files of the clone at or below these paths, without what git ignores, in order. */
export async function listFiles(paths: readonly string[]): Promise<readonly string[]> {
  const listed = await run("git", ["ls-files", "--cached", "--others", "--exclude-standard", ...paths], { cwd: ROOT });
  const files = new Set(listed.stdout.trim().split("\n"));
  return [...files].filter((file) => existsSync(join(ROOT, file))).sort();
}

/** Copies files of the clone to the same places below a folder; what examples use of the rest is linked to. */
export async function copyFiles(files: readonly string[], folder: string): Promise<void> {
  await Promise.all(files.map((file) => cp(join(ROOT, file), join(folder, file))));
  await Promise.all(LINKED.map((name) => symlink(join(ROOT, name), join(folder, name))));
}

/** Removes what `copyFiles` made, and leaves everything else in the folder. */
export async function removeCopy(files: readonly string[], folder: string): Promise<void> {
  await Promise.all([...files, ...LINKED].map((file) => rm(join(folder, file), { force: true })));
}

/** The shell blocks of a README. */
export async function shellBlocks(readme: string): Promise<readonly string[]> {
  const blocks = codeBlocks(await readFile(readme, "utf8"));
  return blocks.filter(({ language }) => language === "sh").map(({ text }) => text);
}

/** Runs a script in a folder with `sh`, which stops at the first command that fails. Resolves to what it printed. */
export function runScript(
  script: string,
  folder: string,
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  return run("sh", ["-euc", script], { cwd: folder, env: { ...process.env, ...env }, maxBuffer: OUTPUT_BYTES_MOST });
}
