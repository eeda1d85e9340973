import { writeFile } from "node:fs/promises";
import { SealwireError } from "../../../errors.ts";
import { importContract } from "../../../mcp/import/imported-contract.ts";
import { silentLogger } from "../../../runtime/logger.ts";
import { serverOf, withEnvironment } from "../../input/mcp-server-settings.ts";
import { ExitCode } from "../../output/exit-code.ts";
import type { Terminal } from "../../output/terminal.ts";

/** Options of `mcp import`. */
export interface ImportCommandOptions {
  readonly out?: string;
  readonly package?: string;
  readonly env?: readonly string[];
  readonly token?: string;
}

const NAME = /^([^=]+)=(.+)$/s;
const PACKAGE = /^[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*$/;

/** Writes a typed contract for the tools of an MCP server, once, for whoever wants to own it. */
export async function run(terminal: Terminal, given: string, options: ImportCommandOptions): Promise<ExitCode> {
  const [, name, value] = NAME.exec(given) ?? [];
  if (name === undefined || value === undefined) {
    throw refused("The server has no NAME=", "Write it as NAME=SERVER, such as 'files=npx -y @scope/server /data'.");
  }
  const packageName = options.package ?? `${name.replaceAll("-", "_")}.v1`;
  if (!PACKAGE.test(packageName)) throw refused(`--package is not a package`, "Write it as files.v1.");
  const setting = {
    name,
    ...serverOf(value, "The command of the server"),
    variables: options.env ?? [],
    ...(options.token !== undefined && { tokenVariable: options.token }),
  };
  const server = withEnvironment(setting, terminal.env);
  const { text, tools } = await importContract({ server, packageName, logger: silentLogger }).catch(
    (cause: unknown) => {
      if (cause instanceof SealwireError) throw cause;
      const { code, message } = cause as NodeJS.ErrnoException;
      throw new SealwireError("UNREACHABLE", `The MCP server "${name}" cannot be used (${code ?? message}).`, {
        cause,
      });
    },
  );
  if (options.out === undefined) terminal.print(text.trimEnd());
  else await write(options.out, text);
  terminal.say(
    `${tools.length} tools${options.out === undefined ? "" : ` written to ${options.out}`}. It is not read again.`,
  );
  return ExitCode.done;
}

async function write(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text, { flag: "wx" });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "EEXIST") throw refused(`The file ${file} exists`, "Name another file, or remove it first.");
    throw refused(`The file ${file} cannot be written (${code})`, "Name another file.");
  }
}

function refused(problem: string, toDo: string): SealwireError {
  return new SealwireError("OPTIONS_INVALID", `${problem}.\n${toDo}`);
}
