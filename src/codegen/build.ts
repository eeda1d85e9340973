import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { IMPORTED_THIRD_PARTY_PROTOS, writeThirdPartyProtos } from "./third-party.ts";

/*
 * Writes dist/, which the package contains beside proto/: the compiled sources, the pages of the console among them, the
 * descriptor image, and the third-party contracts that a contract needs which imports ours (dist/proto, the root of a
 * proto module).
 */
const root = join(import.meta.dirname, "..", "..");
const dist = join(root, "dist");

rmSync(dist, { recursive: true, force: true });
const pages = join("src", "console", "browser");
for (const project of [root, join(root, pages)]) {
  const compiled = spawnSync(join(root, "node_modules", ".bin", "tsc"), ["--project", project], { stdio: "inherit" });
  if (compiled.status !== 0) process.exit(1);
}
for (const file of ["console.css", "icon.svg"]) copyFileSync(join(root, pages, file), join(dist, pages, file));
copyFileSync(join(root, "gen", "descriptors.binpb"), join(dist, "gen", "descriptors.binpb"));
writeThirdPartyProtos(join(dist, "proto"), IMPORTED_THIRD_PARTY_PROTOS);
chmodSync(join(dist, "src", "cli", "main.js"), 0o755);
