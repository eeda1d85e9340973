// test-limit-ms: 300000
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { packPackage } from "../support/packed-package.ts";
import { assert, suite } from "../support/suite.ts";
import { userEnvironment } from "../support/user-environment.ts";
import { type CodeBlock, codeBlocks } from "./code-blocks.ts";

/* Follows docs/typescript.md in a project that `sealwire init` makes of the packed package: writes its files, checks, runs. */
const test = suite("docs/typescript");

const run = promisify(execFile);
const page = await readFile(join(import.meta.dirname, "..", "..", "docs", "typescript.md"), "utf8");
const blocks = codeBlocks(page);
const home = await mkdtemp(join(tmpdir(), "sealwire-typescript-"));
const project = join(home, "greeter");

async function type(command: string): Promise<string> {
  return (await run("bash", ["-euc", command], { cwd: project, env: userEnvironment() })).stdout;
}

/** The file that a block's first line names. */
function fileOf({ text, line }: CodeBlock): string {
  const [, name] = /^\/\/ (\S+)\n/.exec(text) ?? [];
  if (name === undefined) throw new Error(`the block in line ${line} does not say which file it is`);
  return name;
}

const printed = ({ text }: CodeBlock): string =>
  [...text.matchAll(/^\/\/ prints (.*)$/gm)].map(([, line]) => `${line}\n`).join("");

test.before(async () => {
  await mkdir(project);
  const { path } = await packPackage(home);
  await type(`npm install --prefer-offline ../${basename(path)}`);
});
test.after(() => rm(home, { recursive: true }));

for (const block of blocks) {
  const { language, line, text } = block;
  test(`line ${line}: ${text.split("\n", 1)[0]}`, async () => {
    if (language === "sh") {
      await type(text.replace("npm install", "npm install --prefer-offline"));
      return;
    }
    const file = fileOf(block);
    await mkdir(dirname(join(project, file)), { recursive: true });
    await writeFile(join(project, file), text);
    if (language === "ts") assert.is(await type(`node ${file}`), printed(block));
  });
}

test("what the page has one write passes the project's own checks", async () => {
  await type("npm run check");
});

test.run();
