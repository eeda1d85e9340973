import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { SealwireError } from "../../errors.ts";
import { fileExists } from "../../files/file-exists.ts";
import { shellQuote } from "../../files/shell-quote.ts";
import { ExitCode } from "../output/exit-code.ts";
import { type Manifest, mergeManifest, sealwireDependency } from "../output/project-manifest.ts";
import type { Terminal } from "../output/terminal.ts";

const MANIFEST = "package.json";
/** Name of the template's .gitignore, because npm omits files named .gitignore from packages. */
const GITIGNORE = "gitignore";

/** Creates a project with a contract, two tools and a client in a folder that may already contain a package.json. */
export async function run(terminal: Terminal, dir = "."): Promise<ExitCode> {
  const folder = resolve(dir);
  const template = fileURLToPath(new URL("examples/greeter/", import.meta.resolve("sealwire/package.json")));
  const files = await templateFiles(template);
  for (const file of files) {
    if (!(await fileExists(join(folder, targetOf(file))))) continue;
    const toDo = "Name another folder, or move the file away.";
    throw new SealwireError("OPTIONS_INVALID", `${join(dir, targetOf(file))} exists and is not overwritten.\n${toDo}`);
  }
  const manifest = await newManifest(folder, template);
  for (const file of files) await copy(join(template, file), join(folder, targetOf(file)));
  await writeFile(join(folder, MANIFEST), `${JSON.stringify(manifest, undefined, 2)}\n`);
  terminal.say(`Made a project with the tools greet and greet_slowly in ${folder}. Next:`);
  if (folder !== resolve(".")) terminal.say(`  cd ${shellQuote(dir)}`);
  terminal.say("  npm install");
  terminal.say("  npm run serve");
  terminal.say("and in a second terminal, in the same folder:");
  terminal.say(`  npx sealwire call greet '{"name": "Ada"}'`);
  return ExitCode.done;
}

/** The paths of all files of the template except its manifest. */
async function templateFiles(template: string): Promise<string[]> {
  const entries = await readdir(template, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(template, join(entry.parentPath, entry.name)));
  return paths.filter((path) => path !== MANIFEST && !/^(?:node_modules|gen|\.sealwire)\//.test(path)).sort();
}

function targetOf(file: string): string {
  return file === GITIGNORE ? ".gitignore" : file;
}

async function copy(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await writeFile(to, await readFile(from), { flag: "wx" });
}

async function newManifest(folder: string, template: string): Promise<Manifest> {
  const wanted = JSON.parse(await readFile(join(template, MANIFEST), "utf8")) as Manifest;
  const path = join(folder, MANIFEST);
  const existing = (await fileExists(path)) ? await readManifest(path) : { name: packageName(folder) };
  const dependency = existing.dependencies?.sealwire ?? (await dependencyNear(folder));
  return mergeManifest(existing, {
    ...wanted,
    dependencies: { ...wanted.dependencies, ...(dependency !== undefined && { sealwire: dependency }) },
  });
}

async function readManifest(path: string): Promise<Manifest> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as Manifest;
  } catch (cause) {
    const toDo = "Correct it, or name another folder.";
    throw new SealwireError("OPTIONS_INVALID", `${path} cannot be read as JSON.\n${toDo}`, { cause });
  }
}

/** The version or path by which a project in a parent folder depends on Sealwire, if there is one. */
async function dependencyNear(folder: string): Promise<string | undefined> {
  for (let place = dirname(folder); ; place = dirname(place)) {
    const path = join(place, MANIFEST);
    if (await fileExists(path)) {
      const found = sealwireDependency(await readManifest(path), { from: place, to: folder });
      if (found !== undefined) return found;
    }
    if (place === dirname(place)) return undefined;
  }
}

/** A valid npm package name, derived from the folder's name. */
function packageName(folder: string): string {
  return (
    basename(folder)
      .toLowerCase()
      .replaceAll(/[^a-z0-9._-]+/g, "-")
      .replace(/^[._-]+/, "") || "tools"
  );
}
