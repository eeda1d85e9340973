import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { copyFile, cp, mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const root = join(import.meta.dirname, "..", "..");
/** The files that the package is built from. */
const SOURCES = [
  ...[".npmrc", "CHANGELOG.md", "LICENSE", "README.md", "package.json", "tsconfig.json"],
  ...["examples/greeter", "gen", "proto", "schemas", "src"],
];
/** Cache of packed packages. Each is in a folder that is named after the hash of its sources. */
const PACKED = join(root, "node_modules", ".cache", "packed");
const LIST = "files.json";

/** The npm package as `npm pack` makes it. */
export interface PackedPackage {
  /** The tarball. */
  readonly path: string;
  /** Its files, relative to the package. */
  readonly files: readonly string[];
}

/**
 * Packs the package into `folder`. It is built in a copy, because packing rebuilds `dist/` and other tests may use the
 * repository's one.
 */
export async function packPackage(folder: string): Promise<PackedPackage> {
  const copy = await mkdtemp(join(tmpdir(), "sealwire-pack-"));
  try {
    const filter = (path: string): boolean => !path.endsWith("/node_modules");
    for (const name of SOURCES) await cp(join(root, name), join(copy, name), { recursive: true, filter });
    const kept = join(PACKED, await digest(copy));
    if (!existsSync(kept)) await pack(copy, kept);
    const { filename, files } = JSON.parse(await readFile(join(kept, LIST), "utf8")) as Packed;
    const path = join(folder, filename);
    await copyFile(join(kept, filename), path);
    return { path, files };
  } finally {
    await rm(copy, { recursive: true });
  }
}

interface Packed {
  readonly filename: string;
  readonly files: readonly string[];
}

async function digest(folder: string): Promise<string> {
  const hash = createHash("sha256");
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  for (const file of files.sort()) {
    const bytes = await readFile(file);
    hash.update(`${file.slice(folder.length)}\0${bytes.length}\0`).update(bytes);
  }
  return hash.digest("hex");
}

/** Packs the sources in `copy` into the folder `kept`, which is created atomically. */
async function pack(copy: string, kept: string): Promise<void> {
  await symlink(join(root, "node_modules"), join(copy, "node_modules"));
  await mkdir(PACKED, { recursive: true });
  const made = await mkdtemp(join(PACKED, "new-"));
  try {
    const args = ["pack", "--json", "--silent", "--pack-destination", made];
    const { stdout } = await promisify(execFile)("npm", args, { cwd: copy });
    const [{ filename, files }] = JSON.parse(stdout.slice(stdout.indexOf("[\n"))) as [
      { readonly filename: string; readonly files: readonly { readonly path: string }[] },
    ];
    await writeFile(join(made, LIST), JSON.stringify({ filename, files: files.map(({ path }) => path) }));
    await rename(made, kept);
  } catch (error) {
    // Another process may have been faster.
    await rm(made, { recursive: true });
    if (!existsSync(kept)) throw error;
  }
}
