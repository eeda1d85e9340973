import { dirname, join, resolve } from "node:path";
import { SealwireClient } from "../../../client/client.ts";
import { type CredentialsSource, fileCredentials } from "../../../client/credentials-source.ts";
import { filePins } from "../../../client/pins/pin-file.ts";
import { SealwireError } from "../../../errors.ts";
import { openCallJournal } from "../../../mcp/bridge/call-journal.ts";
import { checkPlace, type HttpPrincipal, serveHttp } from "../../../mcp/bridge/http/serve-http.ts";
import { readTokenEntries } from "../../../mcp/bridge/http/token-file.ts";
import { OpenCalls } from "../../../mcp/bridge/open-calls.ts";
import type { OnCancel } from "../../../mcp/bridge/options.ts";
import { serveStdio } from "../../../mcp/bridge/serve-stdio.ts";
import { systemClock } from "../../../runtime/clock.ts";
import { Disposables } from "../../../runtime/disposables.ts";
import type { Logger } from "../../../runtime/logger.ts";
import { type ConnectionOptions, credentialsPath } from "../../input/connection-options.ts";
import { clientOptions } from "../../input/open-client.ts";
import { ExitCode } from "../../output/exit-code.ts";
import type { LogLevel } from "../../output/log.ts";
import type { Terminal } from "../../output/terminal.ts";
import { guardProcess } from "../../serve/process-guard.ts";
import { shutdownSignal } from "../../serve/shutdown-signal.ts";

/** Options of `sealwire mcp`. `tlsCert` and `tlsKey` are those of its own HTTP server. */
export interface McpOptions extends ConnectionOptions {
  readonly clientCert?: string;
  readonly clientKey?: string;
  readonly tools?: readonly string[];
  readonly readOnly?: boolean;
  readonly prefix?: string;
  readonly wait?: number;
  readonly onCancel?: OnCancel;
  readonly pin?: string;
  readonly listen?: string;
  readonly tokenFile?: string;
  readonly logLevel?: LogLevel;
  readonly drainTimeout?: number;
}

/** Retries end with the time limit of the call, not with their number. */
const RETRY_ATTEMPTS = 100;

/** Serves the tools to MCP hosts: over stdio until the host closes its end, or over HTTP until a signal. */
export async function run(terminal: Terminal, options: McpOptions): Promise<ExitCode> {
  return options.listen === undefined ? overStdio(terminal, options) : overHttp(terminal, options, options.listen);
}

async function overStdio(terminal: Terminal, options: McpOptions): Promise<ExitCode> {
  const unused = (["tokenFile", "tlsCert", "tlsKey"] as const).find((name) => options[name] !== undefined);
  if (unused !== undefined) {
    throw new SealwireError("OPTIONS_INVALID", `${FLAGS[unused]} is for HTTP.\nGive --listen 127.0.0.1:PORT, too.`);
  }
  const path = await credentialsPath(terminal, options);
  const shutdown = shutdownSignal({ onHangup: () => {} });
  await using guard = guardProcess(terminal, options.logLevel ?? "info", { forPeople: terminal.drawable });
  const { logger } = guard;
  const credentials = await fileCredentials({ path, logger });
  await using client = await openClient(terminal, options, { credentials, logger });
  using journal = openCallJournal({ folder: journalFolder(path), logger });
  const bridge = await serveStdio({
    ...bridgeOptions(options),
    openCalls: new OpenCalls(systemClock, journal),
    client,
    credentials,
    input: terminal.stdin,
    write: (bytes) => terminal.write(bytes),
    logger,
  });
  const { serverId, clientId } = credentials.current();
  logger.info({ server_id: serverId, client_id: clientId }, "serving a host over stdio");
  await Promise.race([bridge.inputEnded, shutdown]);
  await bridge.drain();
  return ExitCode.done;
}

const FLAGS = { tokenFile: "--token-file", tlsCert: "--tls-cert", tlsKey: "--tls-key" } as const;

async function overHttp(terminal: Terminal, options: McpOptions, listen: string): Promise<ExitCode> {
  const { tokenFile } = options;
  const tls = listenerTls(options);
  checkPlace({ listen, tls });
  if (tokenFile === undefined) {
    throw new SealwireError(
      "OPTIONS_INVALID",
      "Over HTTP each caller needs a token, also on this machine.\nGive --token-file FILE, with lines NAME TOKEN CREDENTIALS-FILE.",
    );
  }
  if (options.credentials !== undefined) {
    throw new SealwireError(
      "OPTIONS_INVALID",
      "Over HTTP the token file names the credentials.\nLeave out --credentials.",
    );
  }
  const entries = await readTokenEntries(tokenFile);
  await using guard = guardProcess(terminal, options.logLevel ?? "info", { forPeople: terminal.drawable });
  const { logger } = guard;
  await using clients = new Disposables();
  const principals: HttpPrincipal[] = [];
  for (const { name, digest, credentials: path } of entries) {
    const credentials = await fileCredentials({ path, logger });
    const client = clients.use(await openClient(terminal, options, { credentials, logger }));
    principals.push({ name, digest, credentials, client });
  }
  const shutdown = shutdownSignal({ onHangup: () => {} });
  using journal = openCallJournal({ folder: journalFolder(tokenFile), logger });
  const openCalls = new OpenCalls(systemClock, journal);
  await using bridge = await serveHttp({ ...bridgeOptions(options), openCalls, listen, tls, principals, logger });
  terminal.print(JSON.stringify({ listening: bridge.url, principals: principals.map(({ name }) => name) }));
  const signal = await shutdown;
  logger.info({ signal }, "draining; a second signal ends the process immediately");
  await bridge.drain(options.drainTimeout);
  logger.info({}, "drained");
  return ExitCode.done;
}

/** Calls in flight are kept beside the file with the secrets of their caller. */
function journalFolder(path: string): string {
  return join(dirname(resolve(path)), "mcp-calls");
}

/** The certificate of the HTTP server. Throws OPTIONS_INVALID if only a part of it is given. */
function listenerTls({ tlsCert, tlsKey }: McpOptions) {
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  if (tlsCert !== undefined && tlsKey !== undefined) return { certificatePath: tlsCert, privateKeyPath: tlsKey };
  throw new SealwireError("OPTIONS_INVALID", "A certificate needs its key.\nGive both --tls-cert and --tls-key.");
}

async function openClient(
  terminal: Terminal,
  { clientCert, clientKey, tlsCert: _cert, tlsKey: _key, ...options }: McpOptions,
  { credentials, logger }: { readonly credentials: CredentialsSource; readonly logger: Logger },
): Promise<SealwireClient> {
  const own = { ...(clientCert && { tlsCert: clientCert }), ...(clientKey && { tlsKey: clientKey }) };
  return new SealwireClient({
    ...(await clientOptions(terminal, { ...options, ...own }, credentials)),
    ...pinsOf(options),
    retry: { maxAttempts: RETRY_ATTEMPTS },
    logger,
  });
}

function pinsOf({ pin }: Pick<McpOptions, "pin">) {
  return pin === undefined ? {} : { pins: filePins({ path: pin }) };
}

function bridgeOptions({ tools, readOnly, prefix, wait, onCancel, ...options }: McpOptions) {
  return {
    ...pinsOf(options),
    ...(tools !== undefined && { tools }),
    ...(readOnly !== undefined && { readOnly }),
    ...(prefix !== undefined && { prefix }),
    ...(wait !== undefined && { waitMs: wait }),
    ...(onCancel !== undefined && { onCancel }),
  };
}
