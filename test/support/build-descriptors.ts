import { spawnSync } from "node:child_process";
import { cpSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { IMPORTED_THIRD_PARTY_PROTOS, writeThirdPartyProtos } from "../../src/codegen/third-party.ts";
import { ROOT } from "../architecture/source-files.ts";

/** The descriptors of the contracts in `folders`, which import Sealwire's. `edit` changes the source of each file first. */
export function buildDescriptors(
  folders: string | readonly string[],
  edit: (source: string) => string = (source) => source,
): Uint8Array {
  const all = mkdtempSync(join(tmpdir(), "sealwire-contract-"));
  try {
    writeThirdPartyProtos(all, IMPORTED_THIRD_PARTY_PROTOS);
    cpSync(join(ROOT, "proto"), all, { recursive: true });
    const paths: string[] = [];
    for (const folder of [folders].flat()) {
      for (const file of globSync("**/*.proto", { cwd: folder })) {
        mkdirSync(dirname(join(all, file)), { recursive: true });
        writeFileSync(join(all, file), edit(readFileSync(join(folder, file), "utf8")));
        paths.push("--path", join(all, file));
      }
    }
    const args = ["build", all, ...paths, "--as-file-descriptor-set", "--output", "-"];
    const built = spawnSync(join(ROOT, "node_modules/.bin/buf"), args, { cwd: all });
    if (built.status !== 0) throw new Error(`buf cannot build ${folders}: ${built.stderr}`);
    return built.stdout;
  } finally {
    rmSync(all, { recursive: true, force: true });
  }
}
