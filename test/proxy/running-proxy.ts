import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SealwireClient } from "../../src/client/client.ts";
import type { ProxyOptions } from "../../src/proxy/options.ts";
import { createProxy, type ToolProxy } from "../../src/proxy/proxy.ts";
import type { Logger } from "../../src/runtime/logger.ts";
import { NativeClient } from "./native-client.ts";

/** A line that a proxy has logged. */
export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly fields: object;
}

/** A proxy in this process, on a unix socket unless the options say otherwise, with a native client. */
export interface RunningProxy extends AsyncDisposable {
  readonly proxy: ToolProxy;
  readonly native: NativeClient;
  readonly log: readonly LogLine[];
}

/** Starts a proxy that signs with `client`, which it closes at the end. */
export async function startProxy(
  client: SealwireClient,
  options: Partial<Omit<ProxyOptions, "client" | "logger">> = {},
): Promise<RunningProxy> {
  const folder = mkdtempSync(join(tmpdir(), "sealwire-proxy-"));
  const log: LogLine[] = [];
  const listen = `unix:${join(folder, "proxy.sock")}`;
  const proxy = await createProxy({ listen, ...options, client, logger: recordingLogger(log) });
  const native = new NativeClient(proxy.address);
  return {
    proxy,
    native,
    log,
    async [Symbol.asyncDispose]() {
      native[Symbol.dispose]();
      await proxy[Symbol.asyncDispose]();
      client.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function recordingLogger(log: LogLine[]): Logger {
  const at = (level: string) => (fields: object, message: string) => {
    log.push({ level, message, fields });
  };
  const logger: Logger = {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    child: () => logger,
  };
  return logger;
}
