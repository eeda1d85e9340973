import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { type CodeBlock, codeBlocks } from "../../docs/code-blocks.ts";
import { assert, type Suite } from "../../support/suite.ts";
import { userEnvironment } from "../../support/user-environment.ts";
import { copyExample } from "../example-copy.ts";
import { InteropServer } from "../interop-server.ts";

const ROOT = join(import.meta.dirname, "..", "..", "..");
const OUTPUT_BYTES_MOST = 64 * 1024 * 1024;
const run = promisify(execFile);

/** What is compiled for one test is not compiled again for the next. */
const CARGO_TARGET_DIR = join(ROOT, "clients", "rust", "target");

const MOST_COMMANDS = 4;
const MOST_LINES = 15;

const EXAMPLE_OUTPUT = new RegExp(
  [
    /^server sealwire-dev, fingerprint as in the credentials/,
    /3 numbers, 6\.5 in all/,
    /refused: ARGS_INVALID/,
    / {2}numbers\[1\]: double\.finite/,
    / {2}numbers\[2\]: double\.finite/,
    /(?:job (?:QUEUED|RUNNING), revision \d+\n)+job SUCCEEDED, revision \d+/,
    /greeting: süß 🦭/,
    /second job CANCELLED\n$/,
  ]
    .map(({ source }) => source)
    .join("\\n"),
);

/** Makes an empty project get the package from the folder that `build.sh` filled. Resolves to environment variables. */
const SOURCES: Readonly<Record<string, (project: string, built: string) => Promise<Readonly<Record<string, string>>>>> =
  {
    python: async (_project, built) => ({ PIP_FIND_LINKS: join(built, "dist") }),

    async go(_project, built) {
      const { stdout } = await run("go", ["env", "GOMODCACHE", "GOPROXY"]);
      const [cache, proxy] = stdout.trim().split("\n");
      return {
        GOPROXY: `file://${join(built, "proxy")},file://${cache}/cache/download,${proxy}`,
        GOMODCACHE: join(built, "cache"),
        GONOSUMDB: "sealwire.dev",
        GOFLAGS: "-modcacherw",
      };
    },

    async java(project, built) {
      const repository = `<repository><id>built</id><url>file://${join(built, "repository")}</url></repository>`;
      const profile = `<profile><id>built</id><repositories>${repository}</repositories></profile>`;
      const active = "<activeProfiles><activeProfile>built</activeProfile></activeProfiles>";
      await mkdir(join(project, ".mvn"));
      await writeFile(
        join(project, ".mvn", "settings.xml"),
        `<settings><profiles>${profile}</profiles>${active}</settings>`,
      );
      await writeFile(join(project, ".mvn", "maven.config"), "-s\n.mvn/settings.xml\n");
      return {};
    },

    async rust(project, built) {
      const path = join(built, "package", "sealwire");
      await mkdir(join(project, ".cargo"));
      await writeFile(join(project, ".cargo", "config.toml"), `[patch.crates-io]\nsealwire = { path = "${path}" }\n`);
      return { CARGO_TARGET_DIR };
    },
  };

const JAVA_IMPORTS = ["dev.sealwire.*", "dev.sealwire.demo.v1.*", "io.grpc.*", "java.nio.file.Path"]
  .map((name) => `import ${name};\n`)
  .join("");

/** Writes a block of a program beside what the first block has installed. Resolves to the command that runs it. */
const SCRIPTS: Readonly<Record<string, (project: string, text: string) => Promise<string>>> = {
  async python(project, text) {
    await writeFile(join(project, "block.py"), text);
    return ".venv/bin/python3 block.py";
  },

  async java(project, text) {
    const main = `public static void main(String[] args) throws Exception {\n${text}}`;
    await writeFile(join(project, "Block.java"), `${JAVA_IMPORTS}class Block {\n${main}\n}\n`);
    return "java -cp 'lib/*' Block.java";
  },
};

/** Adds tests of a package as its users and its maintainers meet it. `built`: the folder that `build.sh` has filled. */
export function testPackage(test: Suite, language: string, built: () => string): void {
  test("the package passes its own checks", async () => {
    await runIn(join(ROOT, "clients", language), "./check.sh", {});
  });

  test("the README leads from an empty folder to the first verified answer", async () => {
    const own = await blocksOf(join("clients", language, "README.md"));
    const [first, ...others] = [
      ...own,
      ...(await blocksOf("README.md")).filter((block) => block.language === language),
    ];
    assert.ok(first !== undefined);
    const { commands, lines } = sizeOf(first.text);
    assert.ok(commands <= MOST_COMMANDS, `${commands} commands`);
    assert.ok(lines <= MOST_LINES, `${lines} lines`);
    await using server = await InteropServer.start();
    const project = await mkdtemp(join(tmpdir(), `sealwire-first-${language}-`));
    try {
      const env = (await SOURCES[language]?.(project, built())) ?? {};
      await mkdir(join(project, ".sealwire"));
      await cp(await server.addClient("first"), join(project, ".sealwire", "client.json"));
      assert.match(await runIn(project, first.text, env), /6\.5|3\.5/);
      for (const { language: kind, text } of others) {
        const script = kind === "sh" ? text : await SCRIPTS[kind]?.(project, text);
        if (script !== undefined) await runIn(project, script, env);
      }
    } finally {
      await rm(project, { recursive: true, force: true });
    }
  });

  test("the example does what it says", async () => {
    await using server = await InteropServer.start();
    const folder = await mkdtemp(join(tmpdir(), `sealwire-example-${language}-`));
    try {
      const copy = await copyExample(language, folder, { CARGO_TARGET_DIR });
      await copy.build();
      const stdout = await copy.run(await server.addClient(language));
      assert.match(stdout, EXAMPLE_OUTPUT);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
}

async function blocksOf(page: string): Promise<readonly CodeBlock[]> {
  return codeBlocks(await readFile(join(ROOT, page), "utf8"));
}

/** Runs a script as a user would; fails with all that it printed. */
async function runIn(cwd: string, script: string, env: Readonly<Record<string, string>>): Promise<string> {
  try {
    const options = { cwd, env: { ...userEnvironment(), ...env }, maxBuffer: OUTPUT_BYTES_MOST };
    return (await run("bash", ["-euc", script], options)).stdout;
  } catch (thrown) {
    const { stdout = "", stderr = "" } = thrown as { stdout?: string; stderr?: string };
    throw new Error(`${script.split("\n")[0]}: ${stdout.slice(-8000)}${stderr.slice(-8000)}`);
  }
}

/** How many commands a script has, and how many lines its documents have. */
function sizeOf(script: string): { readonly commands: number; readonly lines: number } {
  let [commands, lines] = [0, 0];
  let end: string | undefined;
  for (const line of script.trim().split("\n")) {
    if (end !== undefined) {
      if (line === end) end = undefined;
      else if (line.trim() !== "") lines += 1;
      continue;
    }
    end = /<<'?(\w+)'?$/.exec(line)?.[1];
    // To write a program is no command.
    if (end === undefined) commands += 1;
  }
  return { commands, lines };
}
