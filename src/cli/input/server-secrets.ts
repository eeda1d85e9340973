import { isAbsolute, resolve } from "node:path";
import { SealwireError } from "../../errors.ts";
import { shellQuote } from "../../files/shell-quote.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Environment } from "../../runtime/environment.ts";
import type { Logger } from "../../runtime/logger.ts";
import { serverSecretCommand } from "../../signing/key-ring/server-secret-command.ts";
import { type ServerSecretSource, serverSecretFile } from "../../signing/key-ring/server-secret-source.ts";
import { commandWords } from "./command-words.ts";

const COMMAND = /^exec:/;

/** What a command that prints server secrets runs with. */
export interface SecretContext {
  readonly env: Environment;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** True if the value of `server_secret_file` is a command, `exec:COMMAND`. */
export function isSecretCommand(value: string): boolean {
  return COMMAND.test(value);
}

/** Opens the server secrets that a value of `server_secret_file` names. Throws OPTIONS_INVALID. */
export function openServerSecrets(value: string, context: SecretContext): ServerSecretSource {
  if (!isSecretCommand(value)) return serverSecretFile(value);
  return serverSecretCommand({ command: secretCommand(value, "server_secret_file"), ...context });
}

/** The words of `exec:COMMAND`. Throws OPTIONS_INVALID, which names `source`. */
export function secretCommand(value: string, source: string): readonly string[] {
  const words = commandWords(value.replace(COMMAND, ""), `The command in ${source}`);
  if (words.length > 0 && words[0] !== "") return words;
  const what = `${source} has no command after exec:.`;
  throw new SealwireError("OPTIONS_INVALID", `${what}\nGive exec:COMMAND, such as "exec:vault kv get …", or a file.`);
}

/** Resolves a value of `server_secret_file` in a configuration file: paths are relative to its folder. */
export function resolveServerSecrets(value: string, folder: string): string {
  if (!isSecretCommand(value)) return resolve(folder, value);
  const [program = "", ...args] = secretCommand(value, "server_secret_file");
  // A name without a slash is looked up on the PATH.
  const found = program.includes("/") && !isAbsolute(program) ? resolve(folder, program) : program;
  return `exec:${[found, ...args].map(shellQuote).join(" ")}`;
}
