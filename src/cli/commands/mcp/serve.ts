import { SealwireClient } from "../../../client/client.ts";
import { fileCredentials } from "../../../client/credentials-source.ts";
import type { OnCancel } from "../../../mcp/bridge/options.ts";
import { serveStdio } from "../../../mcp/bridge/serve-stdio.ts";
import { type ConnectionOptions, credentialsPath } from "../../input/connection-options.ts";
import { clientOptions } from "../../input/open-client.ts";
import { ExitCode } from "../../output/exit-code.ts";
import type { LogLevel } from "../../output/log.ts";
import type { Terminal } from "../../output/terminal.ts";
import { guardProcess } from "../../serve/process-guard.ts";
import { shutdownSignal } from "../../serve/shutdown-signal.ts";

/** Options of `sealwire mcp`. */
export interface McpOptions extends ConnectionOptions {
  readonly tools?: readonly string[];
  readonly readOnly?: boolean;
  readonly prefix?: string;
  readonly wait?: number;
  readonly onCancel?: OnCancel;
  readonly logLevel?: LogLevel;
}

/** Retries end with the time limit of the call, not with their number. */
const RETRY_ATTEMPTS = 100;

/** Serves the tools to one host over stdio until it closes its end, or a signal. */
export async function run(terminal: Terminal, options: McpOptions): Promise<ExitCode> {
  const path = await credentialsPath(terminal, options);
  const shutdown = shutdownSignal({ onHangup: () => {} });
  await using guard = guardProcess(terminal, options.logLevel ?? "info", { forPeople: terminal.drawable });
  const { logger } = guard;
  const credentials = await fileCredentials({ path, logger });
  await using client = new SealwireClient({
    ...(await clientOptions(terminal, options, credentials)),
    retry: { maxAttempts: RETRY_ATTEMPTS },
    logger,
  });
  const bridge = await serveStdio({
    ...bridgeOptions(options),
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

function bridgeOptions({ tools, readOnly, prefix, wait, onCancel }: McpOptions) {
  return {
    ...(tools !== undefined && { tools }),
    ...(readOnly !== undefined && { readOnly }),
    ...(prefix !== undefined && { prefix }),
    ...(wait !== undefined && { waitMs: wait }),
    ...(onCancel !== undefined && { onCancel }),
  };
}
