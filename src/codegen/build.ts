import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { IMPORTED_THIRD_PARTY_PROTOS, writeThirdPartyProtos } from "./third-party.ts";

/*
 * Writes dist/, which the package contains beside proto/: the compiled sources, the descriptor image, and the
 * third-party contracts that a contract needs which imports ours (dist/proto, the root of a proto module).
 */
const root = join(import.meta.dirname, "..", "..");
const dist = join(root, "dist");

rmSync(dist, { recursive: true, force: true });
const compiled = spawnSync(join(root, "node_modules", ".bin", "tsc"), ["--project", root], { stdio: "inherit" });
if (compiled.status !== 0) process.exit(1);
copyFileSync(join(root, "gen", "descriptors.binpb"), join(dist, "gen", "descriptors.binpb"));
writeThirdPartyProtos(join(dist, "proto"), IMPORTED_THIRD_PARTY_PROTOS);
chmodSync(join(dist, "src", "cli", "main.js"), 0o755);
