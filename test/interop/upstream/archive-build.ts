import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { tryKernelLock } from "../../../src/files/kernel-lock.ts";
import { copyFiles, listFiles, removeCopy, runScript, shellBlocks } from "../example-copy.ts";

const ROOT = join(import.meta.dirname, "..", "..", "..");
const CACHE = join(ROOT, "node_modules", ".cache", "upstreams");
const LOCK_POLL_MS = 200;

/** Languages of the upstream examples. */
export const LANGUAGES = ["python", "go", "java", "rust"] as const;

/** A language of an upstream example. */
export type Language = (typeof LANGUAGES)[number];

/** What must be on the PATH to build the example of a language, and to check its format. */
export const PROGRAMS: Readonly<Record<Language, readonly string[]>> = {
  python: ["python3"],
  go: ["go", "gofmt"],
  java: ["javac", "mvn"],
  rust: ["cargo", "cc"],
};

const COMMANDS: Readonly<Record<Language, (example: string) => readonly string[]>> = {
  python: (example) => [
    "env",
    `PYTHONPATH=${join(example, "gen")}`,
    join(example, ".venv", "bin", "python3"),
    join(example, "main.py"),
  ],
  go: (example) => [join(example, "archive")],
  java: (example) => {
    const paths = [join(example, "target", "classes"), join(example, "target", "dependency", "*")];
    return ["java", "-cp", paths.join(":"), "example.Main"];
  },
  rust: (example) => [join(example, "target", "debug", "archive")],
};

/** The folder of the built copy of `examples/upstream-<language>`. */
export function exampleFolder(language: Language): string {
  return join(CACHE, language, "examples", `upstream-${language}`);
}

/**
 * Builds `examples/upstream-<language>` with the first shell block of its README, unless that was done since its files were
 * last changed; returns the command that starts it. Test files that need the same build wait for each other.
 */
export async function buildArchive(language: Language): Promise<readonly string[]> {
  await mkdir(CACHE, { recursive: true });
  using _lock = await lock(join(CACHE, `${language}.lock`));
  const example = join("examples", `upstream-${language}`);
  const files = await listFiles([example, "examples/upstream-contract"]);
  const digest = await digestOf([...files, ...(await listFiles(["proto", "package-lock.json"]))]);
  const folder = join(CACHE, language);
  const copy = exampleFolder(language);
  const stamp = join(folder, "built.json");
  const before = await readStamp(stamp);
  if (before?.digest === digest) return COMMANDS[language](copy);
  // What the build made of earlier files stays, so that it takes less time.
  await rm(before === undefined ? folder : stamp, { recursive: true, force: true });
  await removeCopy(before?.files ?? [], folder);
  await copyFiles(files, folder);
  const [build] = await shellBlocks(join(copy, "README.md"));
  await runScript(build ?? "", copy);
  await writeFile(stamp, JSON.stringify({ digest, files } satisfies Stamp));
  return COMMANDS[language](copy);
}

/** What the build in the cache is made of. */
interface Stamp {
  readonly digest: string;
  readonly files: readonly string[];
}

async function readStamp(path: string): Promise<Stamp | undefined> {
  return existsSync(path) ? JSON.parse(await readFile(path, "utf8")) : undefined;
}

async function digestOf(files: readonly string[]): Promise<string> {
  const hash = createHash("sha256");
  for (const file of files) hash.update(`${file}\n`).update(await readFile(join(ROOT, file)));
  return hash.digest("hex");
}

async function lock(path: string): Promise<Disposable> {
  for (;;) {
    const held = tryKernelLock(path);
    if (held !== undefined) return held;
    await delay(LOCK_POLL_MS);
  }
}
