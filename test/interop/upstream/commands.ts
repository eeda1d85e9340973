import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CliProcess, sealwire } from "../../cli/cli-process.ts";
import { codeBlocks } from "../../docs/code-blocks.ts";
import { assert } from "../../support/suite.ts";
import { runScript } from "../example-copy.ts";
import { suiteWith } from "../toolchain.ts";
import { buildArchive, exampleFolder, type Language, PROGRAMS } from "./archive-build.ts";
import { type Archive, startArchive } from "./archive-process.ts";

/* The commands about upstreams, typed beside each of the examples. */

const ROOT = join(import.meta.dirname, "..", "..", "..");
/** The address that pages give. */
const ADDRESS = "unix:/run/tools/archive.sock";
/** Reflection of tonic leaves out the options of methods, so that jobs are calls. */
const NO_OPTIONS: ReadonlySet<Language> = new Set(["rust"]);

/** Defines and runs the suite for one language. */
export function testCommands(language: Language): void {
  const test = suiteWith(PROGRAMS[language], `interop/upstream/commands ${language}`);
  let archive: Archive;
  let folder: string;

  test.before(async () => {
    archive = await startArchive(language);
    folder = await mkdtemp(join(tmpdir(), "sealwire-commands-"));
  });
  test.after(async () => {
    await archive?.[Symbol.asyncDispose]();
    if (folder !== undefined) await rm(folder, { recursive: true });
  });

  test("pull writes what reflection tells, and check compares with it", async () => {
    const pulled = await sealwire(["upstream", "pull", archive.address, "archive.binpb"], { cwd: folder });
    assert.is(pulled.code, 0, pulled.stderr);
    const kinds = NO_OPTIONS.has(language) ? ["call", "call"] : ["call", "job", "streaming job"];
    for (const kind of kinds) assert.match(pulled.stdout, new RegExp(`^\\w+ +${kind} +archive\\.v1\\.`, "m"));
    const again = await sealwire(["upstream", "pull", archive.address, "archive.binpb"], { cwd: folder });
    assert.is(again.code, 2);
    assert.match(again.stderr, "archive.binpb exists");
    const same = await sealwire(["upstream", "check", archive.address, "archive.binpb"], { cwd: folder });
    assert.equal([same.code, same.stderr], [0, ""]);
    const away = await sealwire(["upstream", "check", "127.0.0.1:1", "archive.binpb"], { cwd: folder });
    assert.is(away.code, 4, away.stderr);
  });

  test("every command of docs/upstreams.md and of the README's section runs as it stands there", async () => {
    if (NO_OPTIONS.has(language)) return;
    for (const [page, heading] of [
      ["README.md", "## Tools in any language"],
      ["docs/upstreams.md", "# Tools in any language"],
    ] as const) {
      const text = await readFile(join(ROOT, page), "utf8");
      const part = text.slice(text.indexOf(heading)).split(/^## Promises/m)[0] ?? "";
      const lines = codeBlocks(part)
        .filter(({ language: kind }) => kind === "sh")
        .flatMap((block) => block.text.trim().split("\n"));
      assert.ok(lines.length >= 2);
      const cwd = await mkdtemp(join(folder, "page-"));
      for (const line of lines) await type(line.replace(ADDRESS, archive.address), cwd);
    }
  });

  test("try.sh starts everything, calls each tool and leaves nothing", async () => {
    await buildArchive(language);
    const { stdout, stderr } = await runScript("./try.sh", exampleFolder(language));
    assert.not.match(stderr, "lost");
    assert.match(stdout, '{"number":"1"}');
    assert.match(stdout, '{"words":"3"}');
    assert.match(stdout, /\{"sha256":"[0-9a-f]{64}"\}/);
    const pages = [...stderr.matchAll(/page (\d)/g)].map(([, page]) => Number(page));
    assert.ok(new Set(pages).size >= 3, stderr);
    assert.equal(pages, pages.toSorted());
  });

  test.run();
}

/** Types one line: a server runs until it is ready, and is stopped. */
async function type(line: string, cwd: string): Promise<void> {
  const [program, ...words] = line.split(" ");
  assert.is(program, "sealwire", line);
  const redirected = words.indexOf(">");
  const args = redirected < 0 ? words : words.slice(0, redirected);
  if (args[0] === "serve") {
    await using server = new CliProcess([...args, "--listen", "127.0.0.1:0"], { cwd });
    await server.until("the line of a server that listens", () => server.stdout.includes('"listening"'));
    return;
  }
  const { code, stderr } = await sealwire(args, { cwd });
  assert.is(code, 0, `${line}: ${stderr}`);
}
