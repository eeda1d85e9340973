import { fixedCredentials } from "../../../src/client/credentials-source.ts";
import type { ClientOptions } from "../../../src/client/options.ts";
import type { BridgeOptions } from "../../../src/mcp/bridge/options.ts";
import { type StdioBridge, serveStdio } from "../../../src/mcp/bridge/serve-stdio.ts";
import type { TestServer } from "../../support/running-server.ts";
import { recordingLogger } from "../servers/running-fixture.ts";
import { RawHost } from "./raw-host.ts";

/** A bridge in this process, with a host that is connected to it. */
export interface RunningBridge extends AsyncDisposable {
  readonly host: RawHost;
  readonly bridge: StdioBridge;
  /** The log so far, one JSON object per line. */
  readonly log: () => string;
}

/** Options of {@link startBridge}. */
export interface StartBridgeOptions extends BridgeOptions {
  readonly clientId?: string;
  readonly client?: Partial<Omit<ClientOptions, "credentials">>;
  /** False to leave the handshake to the test. */
  readonly initialize?: boolean;
}

/** Starts a bridge to a server. Its host has made the handshake of 2025-11-25. */
export async function startBridge(server: TestServer, options: StartBridgeOptions = {}): Promise<RunningBridge> {
  const { clientId, client: clientOptions = {}, initialize = true, ...more } = options;
  const { logger, text } = recordingLogger();
  const host = new RawHost();
  const bridge = await serveStdio({
    progressIntervalMs: 100,
    logger,
    ...more,
    client: server.client(clientId, clientOptions),
    credentials: fixedCredentials(server.credentials(clientId)),
    input: host.input,
    write: (bytes) => host.write(bytes),
  });
  if (initialize) await host.initialize();
  return { host, bridge, log: text, [Symbol.asyncDispose]: () => end(host, bridge) };
}

async function end(host: RawHost, bridge: StdioBridge): Promise<void> {
  host.input.end();
  await bridge.drain();
}
