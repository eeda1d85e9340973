import { type CredentialsSource, fileCredentials } from "../../client/credentials-source.ts";
import { SealwireError } from "../../errors.ts";
import { fileExists } from "../../files/file-exists.ts";
import { silentLogger } from "../../runtime/logger.ts";
import { type ClientCredentials, readCredentials } from "../../signing/key-ring/credentials.ts";
import type { Terminal } from "../output/terminal.ts";
import { type AddressOptions, namedAddress } from "./called-address.ts";
import { dataFolder } from "./data-folder.ts";

/** Options of commands that call a server or sign requests for it. */
export interface ConnectionOptions extends AddressOptions {
  readonly credentials?: string;
  readonly timeout?: number;
  readonly retryFor?: number;
}

/** The credentials in the options, the environment or the data folder, with the effective address. */
export async function loadCredentials(terminal: Terminal, options: ConnectionOptions): Promise<ClientCredentials> {
  const credentials = await readCredentials(await credentialsPath(terminal, options));
  return { ...credentials, address: addressOf(terminal, options, credentials) };
}

/** The credentials of a command that calls a server. A command that waits follows a file that is replaced. */
export async function openCredentials(terminal: Terminal, options: ConnectionOptions): Promise<CredentialsSource> {
  const path = await credentialsPath(terminal, options);
  const warn = ({ err }: { readonly err?: Error }): void =>
    terminal.say(`warning: ${err?.message}\nThe previous credentials stay in use.`);
  return fileCredentials({ path, logger: { ...silentLogger, warn } });
}

/** The address in the options or the environment, otherwise that in the credentials. */
export function addressOf(
  terminal: Terminal,
  options: ConnectionOptions,
  credentials: ClientCredentials | CredentialsSource,
): string {
  const { address } = "current" in credentials ? credentials.current() : credentials;
  return namedAddress(options, terminal.env) ?? address;
}

/** The path of the credentials in the options, the environment or the data folder. Throws OPTIONS_INVALID if there are none. */
export async function credentialsPath(terminal: Terminal, { credentials }: ConnectionOptions): Promise<string> {
  const named = credentials ?? (terminal.env.SEALWIRE_CREDENTIALS || undefined);
  if (named !== undefined) return named;
  const path = dataFolder().credentials;
  if (await fileExists(path)) return path;
  const toDo = "Give --credentials FILE, or run `sealwire serve --dev` in this folder to create some.";
  throw new SealwireError("OPTIONS_INVALID", `There are no credentials: ${path} does not exist here.\n${toDo}`);
}

/** The options that select the same server and credentials, for a suggested command. */
export function sameServerOptions(options: ConnectionOptions): string[] {
  const { address, credentials, tls, tlsCa, tlsCert, tlsKey, tlsServerName, insecure } = options;
  const valued = { "--address": address, "--credentials": credentials, "--tls-ca": tlsCa, "--tls-cert": tlsCert };
  const more = { ...valued, "--tls-key": tlsKey, "--tls-server-name": tlsServerName };
  return [
    ...Object.entries(more).flatMap(([name, value]) => (value === undefined ? [] : [name, value])),
    ...(tls ? ["--tls"] : []),
    ...(insecure ? ["--insecure"] : []),
  ];
}
