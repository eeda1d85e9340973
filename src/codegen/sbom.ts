/*
 * Writes the bill of materials of the package as CycloneDX 1.5: `node src/codegen/sbom.ts [FILE]`, by default sbom.cdx.json.
 *
 * `npm sbom --omit dev` leaves out what development uses, too, such as grpc-js. So it is given a package without
 * development dependencies.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

interface LockedPackage {
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly devDependencies?: object;
}

const root = join(import.meta.dirname, "..", "..");
const [file = join(root, "sbom.cdx.json")] = process.argv.slice(2);

function readJson(name: string) {
  return JSON.parse(readFileSync(join(root, name), "utf8"));
}

const { devDependencies: _development, scripts: _scripts, ...manifest } = readJson("package.json");
const lock: { readonly packages: Readonly<Record<string, LockedPackage>> } = readJson("package-lock.json");
const packages = Object.entries(lock.packages).flatMap(([path, { devDependencies: _development, ...locked }]) =>
  locked.dev || locked.devOptional ? [] : [[path, locked] as const],
);

const temporary = mkdtempSync(join(tmpdir(), "sealwire-sbom-"));
try {
  // npm names the package after its folder.
  const folder = join(temporary, manifest.name);
  mkdirSync(folder);
  writeFileSync(join(folder, "package.json"), JSON.stringify(manifest));
  writeFileSync(join(folder, "package-lock.json"), JSON.stringify({ ...lock, packages: Object.fromEntries(packages) }));
  const words = ["sbom", "--sbom-format", "cyclonedx", "--sbom-type", "library", "--package-lock-only"];
  const { status, stdout, stderr } = spawnSync("npm", words, { cwd: folder, encoding: "utf8" });
  if (status !== 0) throw new Error(`npm sbom failed: ${stderr}`);
  writeFileSync(resolve(file), stdout);
} finally {
  rmSync(temporary, { recursive: true });
}
