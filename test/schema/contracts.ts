import { join } from "node:path";
import { builtinDescriptorSet, type Image, readImage } from "../../src/wire/descriptors.ts";
import { ROOT } from "../architecture/source-files.ts";
import { buildDescriptors } from "../support/build-descriptors.ts";

/** Where contracts are beside that of the package: examples and tests. */
export const CONTRACT_FOLDERS = [
  "examples/greeter/proto",
  "examples/tools/proto",
  "examples/upstream-contract",
  "test/crash/proto",
  "test/interop/mcp/proto",
  "test/interop/proto",
  "test/schema/proto",
  "test/upstream/proto",
];

let image: Image | undefined;

/** Every contract of the repository. Made on the first call, with buf. */
export function everyContract(): Image {
  image ??= readImage(builtinDescriptorSet(), buildDescriptors(CONTRACT_FOLDERS.map((folder) => join(ROOT, folder))));
  return image;
}
