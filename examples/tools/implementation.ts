import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { implement } from "sealwire";
import { FileTree } from "./file-tree.ts";
import { ChecksumToolServiceDefinition } from "./gen/checksum/v1/checksum_tool_service.ts";
import type { FileChecksum } from "./gen/checksum/v1/hash_file.ts";

const tree = new FileTree(resolve(process.env.CHECKSUM_ROOT ?? "."));

/** The contracts of the tools, with the comments that callers read. */
export const descriptors = [readFileSync(new URL("gen/descriptors.binpb", import.meta.url))];

/** The tools, for `sealwire serve --tools` or `createServer`. */
export const tools = [
  implement(ChecksumToolServiceDefinition, {
    async hashFile({ path }, { signal }) {
      return { file: await tree.checksum(path, signal) };
    },

    async hashFolder({ path, maxListedFiles }, { signal, progress, logger }) {
      const paths = await tree.list(path, signal);
      const lines = createHash("sha256");
      const files: FileChecksum[] = [];
      let totalBytes = 0n;
      for (const [index, each] of paths.entries()) {
        progress(index, paths.length, each);
        const file = await tree.checksum(each, signal);
        lines.update(`${file.sha256}  ${file.path}\n`);
        totalBytes += file.sizeBytes;
        if (files.length < maxListedFiles) files.push(file);
      }
      progress(paths.length, paths.length, "");
      logger.info({ files: paths.length }, "folder hashed");
      return { fileCount: BigInt(paths.length), totalBytes, sha256: lines.digest("hex"), files };
    },
  }),
];
