import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { ALL_THIRD_PARTY_PROTOS, writeThirdPartyProtos } from "./third-party.ts";

/*
 * Writes gen/ from proto/, offline: `node src/codegen/generate.ts [--out <folder>] [--third-party-only]`. --out writes
 * to another folder, to detect drift. --third-party-only writes only the third-party files that buf reads.
 */
const { values: options } = parseArgs({
  options: { out: { type: "string", default: "." }, "third-party-only": { type: "boolean", default: false } },
});
const root = join(import.meta.dirname, "..", "..");
const thirdParty = join(root, "node_modules", ".cache", "proto");

writeThirdPartyProtos(thirdParty, ALL_THIRD_PARTY_PROTOS);
if (!options["third-party-only"]) {
  buf("generate", "--output", options.out);
  const image = join(options.out, "gen", "descriptors.binpb");
  buf("build", "--as-file-descriptor-set", "--output", image);
  writeFileSync(join(options.out, "gen", "descriptors.ts"), imageModule(readFileSync(resolve(root, image))));
}

/** The image as a module, because bundlers follow imports and not files that are read. */
function imageModule(image: Buffer): string {
  const comment = "/** The contents of descriptors.binpb, in base64. Written by `npm run generate`. */";
  return `${comment}\nexport const DESCRIPTORS: string =\n  "${image.toString("base64")}";\n`;
}

function buf(...args: readonly string[]): void {
  const { status } = spawnSync(join(root, "node_modules", ".bin", "buf"), args, { cwd: root, stdio: "inherit" });
  if (status !== 0) process.exit(1);
}
