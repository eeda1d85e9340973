import { execFile } from "node:child_process";
import { cp, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const root = join(import.meta.dirname, "..", "..");
/** The files that the package is built from. */
const SOURCES = [
  ...[".npmrc", "CHANGELOG.md", "LICENSE", "README.md", "package.json", "tsconfig.json"],
  ...["examples/greeter", "gen", "proto", "src"],
];

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
    await symlink(join(root, "node_modules"), join(copy, "node_modules"));
    const args = ["pack", "--json", "--silent", "--pack-destination", folder];
    const { stdout } = await promisify(execFile)("npm", args, { cwd: copy });
    const [packed] = JSON.parse(stdout.slice(stdout.indexOf("[\n"))) as [
      { readonly filename: string; readonly files: readonly { readonly path: string }[] },
    ];
    return { path: join(folder, packed.filename), files: packed.files.map(({ path }) => path) };
  } finally {
    await rm(copy, { recursive: true });
  }
}
