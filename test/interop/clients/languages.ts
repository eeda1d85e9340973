import { execFile } from "node:child_process";
import { mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { AgentCommand } from "./agent-process.ts";

const INTEROP = join(import.meta.dirname, "..");
const ROOT = join(INTEROP, "..", "..");
const OUTPUT_BYTES_MOST = 64 * 1024 * 1024;
const run = promisify(execFile);

/** A language with a client package, and how its agents are built. */
export interface ClientLanguage {
  readonly name: string;
  /** What must be on the PATH. */
  readonly programs: readonly string[];
  /** True if the language has a package of its own in `clients/`. */
  readonly isPackage: boolean;
  /** The agents by what they try: most languages have one. */
  readonly agents: readonly string[];
  /** Builds in an empty folder. Resolves to the commands of the agents. */
  build(folder: string): Promise<Readonly<Record<string, AgentCommand>>>;
}

/** The languages in which a program may call tools, by name. */
export const languages = {
  typescript: { name: "typescript", programs: [], isPackage: false, agents: ["stubs"], build: buildTypeScript },
  python: packaged("python", ["python3"], { sync: ["--sync"], asyncio: ["--aio"] }),
  go: packaged("go", ["go", "gofmt"], { stubs: [], interceptors: ["-interceptors"] }),
  java: packaged("java", ["javac", "mvn"], { stubs: [] }),
  rust: packaged("rust", ["cargo", "cc"], { stubs: [] }),
} as const satisfies Readonly<Record<string, ClientLanguage>>;

/** A language whose `build.sh` builds the package as users get it, and an agent that has it installed. */
function packaged(
  name: string,
  programs: readonly string[],
  agents: Readonly<Record<string, readonly string[]>>,
): ClientLanguage {
  return {
    name,
    programs,
    isPackage: true,
    agents: Object.keys(agents),
    async build(folder) {
      await run("sh", [join(INTEROP, name, "build.sh"), folder], { cwd: ROOT, maxBuffer: OUTPUT_BYTES_MOST });
      const program = join(folder, "agent", "run");
      return Object.fromEntries(Object.entries(agents).map(([what, args]) => [what, { command: [program, ...args] }]));
    },
  };
}

/** The package is this clone; ts-proto generates the stubs of the interop tools. */
async function buildTypeScript(folder: string): Promise<Readonly<Record<string, AgentCommand>>> {
  const modules = [{ path: "proto" }, { path: "test/interop/proto" }, { path: "dist/proto" }];
  const generated = join(folder, "gen");
  await mkdir(generated);
  // Generated code finds the packages that it imports.
  await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"));
  const bin = join(ROOT, "node_modules", ".bin");
  const template = join(INTEROP, "typescript", "buf.gen.yaml");
  const config = JSON.stringify({ version: "v2", modules });
  const from = ["--template", template, "--config", config, "--path", "test/interop/proto/interop/v1"];
  const env = { ...process.env, PATH: `${bin}:${process.env.PATH}` };
  await run(join(bin, "buf"), ["generate", ...from, "--output", generated], { cwd: ROOT, env });
  const agent = join(INTEROP, "typescript", "agent.ts");
  return { stubs: { command: [process.execPath, "--expose-gc", agent, generated] } };
}
