import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual, promisify } from "node:util";

const run = promisify(execFile);

/** The repository. */
export const HERE = join(import.meta.dirname, "..", "..");
/** The last commit of 0.1.0. */
const RELEASE = "e1f3a4504fd5721c240bf0ed3fd8cf6c27923428";

/** A folder with the release, its dependencies and what its own build made; dispose it at the end. */
export interface Release extends AsyncDisposable {
  readonly root: string;
  /** Its command, built. */
  readonly main: string;
}

/** Why the release cannot be had here; `undefined` if it can. Only a clone has the history that it is taken from. */
export async function releaseProblem(): Promise<string | undefined> {
  try {
    await run("git", ["cat-file", "-e", `${RELEASE}^{commit}`], { cwd: HERE });
    return undefined;
  } catch {
    return `needs the commit ${RELEASE.slice(0, 7)}, version 0.1.0, which only a full clone has`;
  }
}

/** Takes the release out of the history, installs its dependencies, and builds it. */
export async function buildRelease(): Promise<Release> {
  const home = await mkdtemp(join(tmpdir(), "sealwire-release-"));
  const root = join(home, "sealwire");
  try {
    await mkdir(root);
    const archive = join(home, "release.tar");
    await run("git", ["archive", "--output", archive, RELEASE], { cwd: HERE });
    await run("tar", ["-xf", archive, "-C", root]);
    await installDependencies(root);
    await run("npm", ["run", "build"], { cwd: root, env: environment() });
  } catch (error) {
    await rm(home, { recursive: true, force: true });
    throw error;
  }
  return {
    root,
    main: join(root, "dist", "src", "cli", "main.js"),
    [Symbol.asyncDispose]: () => rm(home, { recursive: true, force: true }),
  };
}

/** From the registry, unless this version has the very same. */
async function installDependencies(root: string): Promise<void> {
  const [theirs, ours] = await Promise.all([lockedPackages(root), lockedPackages(HERE)]);
  if (isDeepStrictEqual(theirs, ours)) return await symlink(join(HERE, "node_modules"), join(root, "node_modules"));
  const quiet = ["--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts"];
  await run("npm", ["ci", ...quiet], { cwd: root, env: environment() });
}

/** Every package but the project itself, with its version and checksum. */
async function lockedPackages(root: string): Promise<unknown> {
  const lock = JSON.parse(await readFile(join(root, "package-lock.json"), "utf8"));
  const { "": _project, ...packages } = lock.packages;
  return packages;
}

/** Without what the npm that may run this test sets for this repository's own scripts. */
function environment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^npm_/i.test(name) || /^npm_config_(?:registry|cache)$/i.test(name),
  );
  return Object.fromEntries(kept);
}
