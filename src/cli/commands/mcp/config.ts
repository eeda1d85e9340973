import { resolve } from "node:path";
import { SealwireError } from "../../../errors.ts";
import { readCredentials } from "../../../signing/key-ring/credentials.ts";
import { credentialsPath } from "../../input/connection-options.ts";
import type { McpHost } from "../../input/mcp-hosts.ts";
import { ExitCode } from "../../output/exit-code.ts";
import { hostConfig } from "../../output/host-config.ts";
import type { Terminal } from "../../output/terminal.ts";

interface ConfigOptions {
  readonly name?: string;
  readonly credentials?: string;
  readonly pin?: string;
  readonly tools?: readonly string[];
  readonly readOnly?: boolean;
}

const NAME = /^[A-Za-z0-9_-]{1,15}$/;

/** Prints how a host starts the bridge: with absolute paths, because hosts start it in any folder, and no secret. */
export async function run(terminal: Terminal, host: McpHost, options: ConfigOptions): Promise<ExitCode> {
  const { name = "sealwire", pin, tools, readOnly } = options;
  if (!NAME.test(name)) {
    throw new SealwireError("OPTIONS_INVALID", 'The name must have 1 to 15 letters, digits, "_" or "-".');
  }
  const credentials = resolve(await credentialsPath(terminal, options));
  await readCredentials(credentials);
  const [, main = ""] = process.argv;
  const args = [
    resolve(main),
    "mcp",
    ...["--credentials", credentials],
    ...(pin === undefined ? [] : ["--pin", resolve(pin)]),
    ...(tools === undefined ? [] : ["--tools", tools.join(",")]),
    ...(readOnly ? ["--read-only"] : []),
  ];
  const { text, place } = hostConfig(host, name, { command: process.execPath, args });
  terminal.print(text);
  terminal.say(place);
  return ExitCode.done;
}
