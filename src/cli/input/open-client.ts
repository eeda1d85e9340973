import { SealwireClient } from "../../client/client.ts";
import type { CredentialsSource } from "../../client/credentials-source.ts";
import type { ClientOptions, ClientTls } from "../../client/options.ts";
import { filePins } from "../../client/pins/pin-file.ts";
import { SealwireError } from "../../errors.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { ClientCredentials } from "../../signing/key-ring/credentials.ts";
import type { Terminal } from "../output/terminal.ts";
import { asksForTls, checkSecurity } from "./called-address.ts";
import { addressOf, type ConnectionOptions, openCredentials } from "./connection-options.ts";
import { readDescriptors } from "./descriptors-input.ts";
import { readInput } from "./json-input.ts";

/** Default of --retry-for. It is short, because the user may have mistyped the address. */
const RETRY_FOR_MS = 10_000;

/** Makes a client from a command's options. The command must dispose it. */
export async function openClient(
  terminal: Terminal,
  options: ConnectionOptions & { readonly descriptors?: string; readonly pin?: string; readonly logger?: Logger },
  credentials?: ClientCredentials | CredentialsSource,
): Promise<SealwireClient> {
  const known = credentials ?? (await openCredentials(terminal, options));
  const descriptors = await readDescriptors(terminal, options.descriptors);
  return new SealwireClient({
    ...(await clientOptions(terminal, options, known)),
    ...(descriptors && { descriptors }),
    ...(options.pin !== undefined && { pins: filePins({ path: options.pin }) }),
    ...(options.logger && { logger: options.logger }),
    retry: { unreachableForMs: options.retryFor ?? RETRY_FOR_MS },
    // A command makes only a few calls, so a stream would be opened too late to be useful.
    pipeline: false,
  });
}

/** The options of a client that a command's options contain: credentials, address, TLS and the time limit. */
export async function clientOptions(
  terminal: Terminal,
  options: ConnectionOptions,
  credentials: ClientCredentials | CredentialsSource,
): Promise<ClientOptions> {
  const address = addressOf(terminal, options, credentials);
  checkSecurity(address, options);
  const tls = await readTls(terminal, options);
  return {
    credentials,
    address,
    ...(tls && { tls }),
    ...(options.insecure && { allowRemotePlaintext: true }),
    ...(options.timeout !== undefined && { timeoutMs: options.timeout }),
    environment: terminal.env,
  };
}

async function readTls(terminal: Terminal, options: ConnectionOptions): Promise<ClientTls | undefined> {
  if (!asksForTls(options)) return undefined;
  const { tlsCa, tlsCert, tlsKey, tlsServerName } = options;
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    throw new SealwireError(
      "OPTIONS_INVALID",
      "A certificate needs its key.\nGive both --tls-cert and --tls-key, or none.",
    );
  }
  return {
    ...(tlsCa !== undefined && { rootCertificates: await readInput(terminal, tlsCa) }),
    ...(tlsCert !== undefined && { certificateChain: await readInput(terminal, tlsCert) }),
    ...(tlsKey !== undefined && { privateKey: await readInput(terminal, tlsKey) }),
    ...(tlsServerName !== undefined && { serverName: tlsServerName }),
  };
}
