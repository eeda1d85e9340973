import { SealwireClient } from "../../client/client.ts";
import { fileCredentials } from "../../client/credentials-source.ts";
import { shellQuote } from "../../files/shell-quote.ts";
import { readOneToken } from "../../files/token-lines.ts";
import { checkPlace } from "../../proxy/options.ts";
import { createProxy } from "../../proxy/proxy.ts";
import { type ConnectionOptions, credentialsPath } from "../input/connection-options.ts";
import { dataFolder } from "../input/data-folder.ts";
import { clientOptions } from "../input/open-client.ts";
import { ExitCode } from "../output/exit-code.ts";
import type { LogLevel } from "../output/log.ts";
import type { Terminal } from "../output/terminal.ts";
import { guardProcess } from "../serve/process-guard.ts";
import { shutdownSignal } from "../serve/shutdown-signal.ts";

interface ProxyCommandOptions extends ConnectionOptions {
  readonly listen?: string;
  readonly tokenFile?: string;
  readonly allowAllLocalUsers?: boolean;
  readonly logLevel?: LogLevel;
  readonly drainTimeout?: number;
}

/** Retries end with the time limit of the call, not with their number. */
const RETRY_ATTEMPTS = 100;

/** Runs a proxy until SIGTERM or SIGINT, then drains it. */
export async function run(terminal: Terminal, options: ProxyCommandOptions): Promise<ExitCode> {
  const { tokenFile, allowAllLocalUsers = false, listen = `unix:${dataFolder().proxySocket}` } = options;
  const token = tokenFile === undefined ? undefined : await readOneToken(tokenFile);
  checkPlace({ listen, token, allowAllLocalUsers });
  const path = await credentialsPath(terminal, options);
  const forPeople = terminal.drawable;
  await using guard = guardProcess(terminal, options.logLevel ?? "info", { forPeople });
  const { logger } = guard;
  const credentials = await fileCredentials({ path, logger });
  await using client = new SealwireClient({
    ...(await clientOptions(terminal, options, credentials)),
    retry: { maxAttempts: RETRY_ATTEMPTS },
    pipeline: false,
    logger,
  });
  const shutdown = shutdownSignal({ onHangup: () => {} });
  await using proxy = await createProxy({
    client,
    listen,
    token,
    allowAllLocalUsers,
    ...(options.timeout !== undefined && { timeoutMs: options.timeout }),
    logger,
  });
  const { serverId, clientId } = credentials.current();
  if (forPeople) sayListening(terminal, proxy.address, { serverId, clientId, tokenFile });
  if (!forPeople || terminal.dataColumns === undefined) {
    terminal.print(JSON.stringify({ listening: proxy.address, server_id: serverId, client_id: clientId }));
  }
  const signal = await shutdown;
  logger.info({ signal }, "draining; a second signal ends the process immediately");
  await proxy.drain(options.drainTimeout);
  logger.info({}, "drained");
  return ExitCode.done;
}

interface Listening {
  readonly serverId: string;
  readonly clientId: string;
  readonly tokenFile: string | undefined;
}

/** Prints whom the proxy calls for, and the next step, for a proxy on a terminal. */
function sayListening(terminal: Terminal, address: string, { serverId, clientId, tokenFile }: Listening): void {
  const { bold, dim } = terminal.colors;
  const token = tokenFile === undefined ? "" : `TOKEN="$(cat ${shellQuote(tokenFile)})" `;
  const header = tokenFile === undefined ? "" : ` -expand-headers -H 'authorization: Bearer \${TOKEN}'`;
  terminal.say("");
  terminal.say(`${bold("Proxy")} to ${serverId} as ${clientId}`);
  terminal.say(`  ${dim("on")} ${address}`);
  terminal.say(`${bold("Next")}, in a second terminal in this folder:`);
  terminal.say(`  ${token}grpcurl -plaintext${header} ${shellQuote(address)} list`);
  terminal.say(dim("Ctrl-C stops the proxy; jobs go on. Its log follows."));
  terminal.say("");
}
