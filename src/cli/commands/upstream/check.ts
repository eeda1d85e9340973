import { readRegularFile } from "../../../files/regular-file.ts";
import { MAX_DESCRIPTORS_BYTES } from "../../../upstream/contract.ts";
import { changedFiles, contractTools } from "../../../upstream/contract-summary.ts";
import { builtinDescriptorSet, readImage } from "../../../wire/descriptors.ts";
import { askContract, type UpstreamConnection } from "../../input/upstream-connection.ts";
import { ExitCode } from "../../output/exit-code.ts";
import type { Terminal } from "../../output/terminal.ts";

/** Compares the contract that a gRPC server reports with the pinned one. Exit code 1 if they differ. */
export async function run(
  terminal: Terminal,
  address: string,
  file: string,
  options: UpstreamConnection,
): Promise<ExitCode> {
  const pinned = readRegularFile({ path: file, what: `The file ${file}`, maxBytes: MAX_DESCRIPTORS_BYTES });
  const { descriptors, services } = await askContract(address, options);
  const before = digests(pinned, services);
  const changes = changedFiles(pinned, descriptors);
  if (changes.length === 0) {
    terminal.print(`${services.join(", ")}: as in ${file}`);
    return ExitCode.done;
  }
  const now = digests(descriptors, services);
  for (const name of changes) terminal.print(`${name} has changed`);
  for (const [tool, method] of now) if (!before.has(tool)) terminal.print(`${tool} (${method}) is new`);
  for (const [tool, method] of before) if (!now.has(tool)) terminal.print(`${tool} (${method}) is gone`);
  terminal.say(
    `The server does not have the contract in ${file}.\nIf that is wanted, pull it again; give it to Sealwire first, then roll the server out.`,
  );
  return ExitCode.failed;
}

/** The methods of the tools, by name. A service that does not exist has none. */
function digests(descriptors: Uint8Array, services: readonly string[]): ReadonlyMap<string, string> {
  const image = readImage(descriptors, builtinDescriptorSet());
  const known = services.filter((service) => image.registry.getService(service) !== undefined);
  return new Map(contractTools(image, known).map(({ name, method }) => [name, method]));
}
