import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, readFile, symlink } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { codeBlocks } from "../docs/code-blocks.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const LINKED = ["proto", "dist", "node_modules", "package.json", "buf.yaml"];
const CREDENTIALS = "../../.sealwire/client.json";
const run = promisify(execFile);

/** A fresh copy of an example, as in a clone that `npm ci` was run in. */
export interface ExampleCopy {
  readonly path: string;
  /** Runs a script in the copy with `sh`. */
  run(script: string): Promise<void>;
  /** The shell blocks of its README, of which the last one runs it with the credentials of `serve --dev`. */
  readonly readme: readonly string[];
  /** Command that runs the README's last block in the copy, with the credentials that are appended in place of its own. */
  readonly example: readonly string[];
}

/**
 * Copies `examples/<language>` and its checker, `test/interop/<language>`, to the same places below a folder, without what git
 * ignores; the rest of the clone is linked to.
 */
export async function copyExample(language: string, folder: string): Promise<ExampleCopy> {
  const example = join("examples", language);
  const copied = [example, join("test/interop", language), "test/interop/proto"];
  const listed = await run("git", ["ls-files", "--cached", "--others", "--exclude-standard", ...copied], { cwd: ROOT });
  const files = listed.stdout
    .trim()
    .split("\n")
    .filter((file) => existsSync(join(ROOT, file)));
  await Promise.all(files.map((file) => cp(join(ROOT, file), join(folder, file))));
  await Promise.all(LINKED.map((name) => symlink(join(ROOT, name), join(folder, name))));
  const path = join(folder, example);
  const text = await readFile(join(path, "README.md"), "utf8");
  const readme = codeBlocks(text)
    .filter((block) => block.language === "sh")
    .map((block) => block.text);
  const last = readme.at(-1) ?? "";
  if (!last.includes(CREDENTIALS))
    throw new Error(`the last shell block of ${example}/README.md names no ${CREDENTIALS}`);
  return {
    path,
    readme,
    example: ["sh", "-euc", `cd '${path}'\n${last.replaceAll(CREDENTIALS, '"$0"')}`],
    async run(script) {
      await run("sh", ["-euc", script], { cwd: path });
    },
  };
}
