import { join } from "node:path";
import { toolJsonSchema } from "../../src/schema/tool-schema.ts";
import { toolNameOf } from "../../src/tools/tool.ts";
import { ROOT } from "../architecture/source-files.ts";
import { everyContract } from "./contracts.ts";

/** Where the expected schemas are, one file a service. */
export const GOLDEN = join(ROOT, "test/schema/golden");

/** Packages whose services are not tools. */
const NOT_TOOLS = /^(?:sealwire\.v1|grpc\.|google\.)/;

/** The text of each file in {@link GOLDEN}, by its name. */
export function goldenFiles(): ReadonlyMap<string, string> {
  const image = everyContract();
  const files = new Map<string, string>();
  for (const service of image.registry) {
    if (service.kind !== "service" || NOT_TOOLS.test(service.typeName)) continue;
    const tools = service.methods.map((method) => [toolNameOf(image, method), toolJsonSchema(image, method)] as const);
    files.set(`${service.typeName}.json`, `${JSON.stringify(Object.fromEntries(tools), null, 1)}\n`);
  }
  return files;
}
