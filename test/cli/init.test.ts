import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { assert, suite } from "../support/suite.ts";
import { inFolder, run } from "./cli-run.ts";

const test = suite("cli/init");

async function manifest(path: string): Promise<Record<string, Record<string, string>>> {
  return JSON.parse(await readFile(path, "utf8"));
}

test("init makes a project in a new folder, named after it, and says what comes next", () =>
  inFolder(async () => {
    const { code, stderr } = await run(["init", "My Tools"]);
    assert.is(code, 0, stderr);
    assert.match(stderr, /^ {2}cd 'My Tools'\n {2}npm install\n {2}npm run serve$/m);
    const names = (await readdir("My Tools")).sort();
    const files = [
      "README.md",
      "buf.gen.yaml",
      "buf.yaml",
      "client.ts",
      "package.json",
      "proto",
      "tools.ts",
      "tsconfig.json",
    ];
    assert.equal(names, [".gitignore", ...files]);
    assert.is((await manifest("My Tools/package.json")).name as unknown, "my-tools");
    assert.match(await readFile("My Tools/.gitignore", "utf8"), ".sealwire/");
  }));

test("init adds to a package.json what it lacks, and keeps how Sealwire was installed", () =>
  inFolder(async () => {
    const own = { dependencies: { sealwire: "file:../sealwire-0.1.0.tgz", left: "1.0.0" }, license: "MIT" };
    await writeFile("package.json", JSON.stringify(own));
    assert.is((await run(["init"])).code, 0);
    const { dependencies, scripts, license } = await manifest("package.json");
    assert.equal([dependencies?.sealwire, dependencies?.left, license], ["file:../sealwire-0.1.0.tgz", "1.0.0", "MIT"]);
    assert.match(scripts?.serve ?? "", "sealwire serve --dev");
  }));

test("in a folder of a project that has Sealwire from a file, the new one has it from the same file", () =>
  inFolder(async () => {
    await writeFile("package.json", JSON.stringify({ dependencies: { sealwire: "file:../sealwire-0.1.0.tgz" } }));
    assert.is((await run(["init", "a/b"])).code, 0);
    assert.is((await manifest("a/b/package.json")).dependencies?.sealwire, "file:../../../sealwire-0.1.0.tgz");
  }));

const REFUSED: Readonly<Record<string, readonly [string, string, RegExp]>> = {
  "a file of the same name": ["tools.ts", "mine", /tools\.ts exists and is not overwritten/],
  "a package.json that is no JSON": ["package.json", "{", /package\.json cannot be read as JSON/],
  "a project of CommonJS modules": [
    "package.json",
    '{"type":"commonjs"}',
    /"type": "commonjs", and the tools are ES modules/,
  ],
  "a script of its own": ["package.json", '{"scripts":{"serve":"x"}}', /has a script "serve" of its own/],
};

for (const [what, [name, content, message]] of Object.entries(REFUSED)) {
  test(`${what} is left as it is, and nothing is written`, () =>
    inFolder(async () => {
      await mkdir("here");
      await writeFile(`here/${name}`, content);
      const { code, stderr } = await run(["init", "here"]);
      assert.match(stderr, message);
      assert.is(code, 2);
      assert.equal(await readdir("here"), [name]);
      assert.is(await readFile(`here/${name}`, "utf8"), content);
    }));
}

test.run();
