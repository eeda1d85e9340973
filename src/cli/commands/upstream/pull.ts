import { writeFile } from "node:fs/promises";
import { SealwireError } from "../../../errors.ts";
import { contractTools } from "../../../upstream/contract-summary.ts";
import { builtinDescriptorSet, readImage } from "../../../wire/descriptors.ts";
import { askContract, type UpstreamConnection } from "../../input/upstream-connection.ts";
import { ExitCode } from "../../output/exit-code.ts";
import { printTable } from "../../output/table.ts";
import type { Terminal } from "../../output/terminal.ts";

/** Writes the contract that a gRPC server reports by reflection to a file, and prints its tools for a person to look at. */
export async function run(
  terminal: Terminal,
  address: string,
  file: string,
  options: UpstreamConnection & { readonly force?: boolean },
): Promise<ExitCode> {
  const { descriptors, services } = await askContract(address, options);
  const tools = contractTools(readImage(descriptors, builtinDescriptorSet()), services);
  await write(file, descriptors, options.force ?? false);
  const rows = tools.map(({ name, kind, method }) => [name, kind, method]);
  printTable(terminal, ["TOOL", "KIND", "METHOD"], rows);
  for (const { name, dropped } of tools) {
    if (dropped.length === 0) continue;
    terminal.say(`${name}: a message with progress is progress alone; its ${dropped.join(", ")} would be dropped.`);
  }
  terminal.say(
    `Written to ${file}. Look at what it offers, then keep it with your configuration: it is not read again.`,
  );
  return ExitCode.done;
}

async function write(file: string, bytes: Uint8Array, force: boolean): Promise<void> {
  try {
    await writeFile(file, bytes, { flag: force ? "w" : "wx" });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "EEXIST") {
      const toDo = "Compare with `sealwire upstream check`, or give --force to replace it.";
      throw new SealwireError("OPTIONS_INVALID", `The file ${file} exists.\n${toDo}`, { cause });
    }
    throw new SealwireError("OPTIONS_INVALID", `The file ${file} cannot be written (${code}).`, { cause });
  }
}
