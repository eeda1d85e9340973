import { SealwireError } from "../../errors.ts";
import { Bridge } from "./bridge.ts";
import { makeServer } from "./mcp-server.ts";
import { type BridgeOptions, type Principal, resolveBridgeOptions } from "./options.ts";
import { loadServerSdk, loadStdioSdk } from "./sdk.ts";
import { StdioTransport } from "./stdio-transport.ts";

/** Options of {@link serveStdio}. */
export interface StdioOptions extends BridgeOptions, Principal {
  readonly input: AsyncIterable<Uint8Array>;
  /** Writes bytes of the protocol, and of nothing else. */
  readonly write: (bytes: Uint8Array) => void;
}

/** A bridge that serves one host over stdio. */
export interface StdioBridge {
  /** Resolves when the host has closed its end. */
  readonly inputEnded: Promise<void>;
  /** Takes no more requests, waits up to 5 s for those in flight, and ends. Jobs go on. Idempotent. */
  drain(): Promise<void>;
}

/** How long calls in flight may go on when the bridge ends. Those that wait for jobs are answered a second before. */
const GRACE_MS = 5_000;
const ANSWER_MS = 1_000;

/**
 * Serves the tools of a server to a host, over stdio. Throws OPTIONS_INVALID for invalid options and if two tools would
 * have one name. A server that cannot be reached yet is no error.
 */
export async function serveStdio(options: StdioOptions): Promise<StdioBridge> {
  const resolved = resolveBridgeOptions(options);
  const { clock, logger } = resolved;
  const sdk = await loadServerSdk();
  const stdio = await loadStdioSdk();
  const [drain, closing] = [new AbortController(), new AbortController()];
  const bridge = new Bridge(
    { sdk, options: resolved, drainSignal: drain.signal, closingSignal: closing.signal },
    options,
  );
  const { promise: inputEnded, resolve: onInputEnd } = Promise.withResolvers<void>();
  const { input, write } = options;
  const transport = new StdioTransport({ sdk, input, write, onInputEnd, clock });
  await startRegistry(bridge);
  const handle = stdio.serveStdio(
    ({ era }) => {
      const server = makeServer(bridge, { era, closingCancels: true });
      bridge.onToolsChanged(() => {
        server.sendToolListChanged().catch((err) => logger.debug({ err }, "the host was not told of new tools"));
      });
      return server;
    },
    { transport, onerror: (err) => logger.debug({ err }, "protocol error") },
  );
  let drained: Promise<void> | undefined;
  const end = async (): Promise<void> => {
    closing.abort();
    transport.stopReading();
    using _timer = clock.after(GRACE_MS - ANSWER_MS, () => drain.abort());
    await transport.idle(GRACE_MS);
    await handle.close();
  };
  return {
    inputEnded,
    drain() {
      drained ??= end();
      return drained;
    },
  };
}

/**
 * Reads the contract, and goes on reading it until the process begins to end. An unreachable server is logged: hosts are
 * answered when it is there.
 */
export async function startRegistry(bridge: Bridge): Promise<void> {
  const { options, closingSignal } = bridge.context;
  const { logger } = options;
  try {
    await bridge.registry.start();
  } catch (thrown) {
    if (thrown instanceof SealwireError && thrown.reason === "OPTIONS_INVALID") throw thrown;
    logger.warn({ err: thrown }, "the server's contract could not be read yet");
  }
  const following = bridge.registry.follow();
  closingSignal.addEventListener("abort", () => void following[Symbol.asyncDispose](), { once: true });
}
