import { mkdir, rm } from "node:fs/promises";
import { platform, release } from "node:os";
import { openConsoleTokens } from "../../console/principals.ts";
import { replacePrivateFile } from "../../files/private-file-write.ts";
import { readableText } from "../../files/readable-text.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import { systemRandom as random } from "../../runtime/random.ts";
import { VERSION } from "../../runtime/version.ts";
import { callerTls } from "../../server/listen/caller-tls.ts";
import { operatorOf, type SealwireServer, toolsetOf } from "../../server/server.ts";
import type { KeyRingSource } from "../../signing/key-ring/types.ts";
import { PROTOCOL_VERSION } from "../../wire/limits.ts";
import { dataFolder } from "../input/data-folder.ts";
import type { ServeSettings } from "../input/settings.ts";
import type { Terminal } from "../output/terminal.ts";

/** What the console is about. */
export interface ServedConsoleParts {
  readonly server: SealwireServer;
  readonly keyRing: KeyRingSource;
  /** Where the server accepts calls. */
  readonly address: string;
  readonly terminal: Terminal;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The console of a server. */
export interface ServedConsole extends AsyncDisposable {
  readonly origin: string;
  /** The first one-time URL, to be printed to a terminal; `undefined` if users have tokens, or there is no terminal. */
  readonly url: string | undefined;
  /** The file with the one-time URL; `undefined` if it is printed, or there is none. */
  readonly urlFile: string | undefined;
}

/** Serves the console if the settings ask for it. Throws OPTIONS_INVALID. */
export async function openServedConsole(
  settings: ServeSettings,
  { server, keyRing, address, terminal, clock, logger }: ServedConsoleParts,
): Promise<ServedConsole | undefined> {
  const { console: listen, tls, consoleReadOnly: readOnly, consoleTokenFile } = settings;
  if (listen === undefined) return undefined;
  // Loaded on demand: most servers have no console.
  const { openConsole } = await import("../../console/console.ts");
  const { consoleRoutes } = await import("../../console/routes.ts");
  const tokens =
    consoleTokenFile === undefined ? undefined : await openConsoleTokens(consoleTokenFile, { clock, logger });
  const { principals = [] } = tokens ?? {};
  const urls = new OneTimeUrls(settings, terminal);
  const facts = {
    ...{ version: VERSION, protocol: PROTOCOL_VERSION, node: process.version, address, readOnly },
    ...(tls !== undefined && { tls: callerTls(tls) }),
    platform: `${platform()} ${release()}`,
    startedAtMs: operatorOf(server).instance.startedAtMs,
    store: settings.store === undefined ? "SQLite" : "PostgreSQL",
    concurrency: settings.concurrency,
  };
  const routes = consoleRoutes({
    facts,
    clock,
    operator: operatorOf(server),
    serverId: () => keyRing.current().serverId,
    toolset: () => toolsetOf(server),
  });
  const console = await openConsole({
    ...{ listen, tls, readOnly, principals, routes, clock, random, logger },
    onUrl: (url) => urls.tell(url),
    onAccess: (access) => operatorOf(server).noteAccess(access),
  });
  const follower = tokens?.follow((next) => console.replacePrincipals(next));
  return {
    origin: console.origin,
    url: urls.first,
    urlFile: urls.file,
    async [Symbol.asyncDispose]() {
      await follower?.[Symbol.asyncDispose]();
      await console[Symbol.asyncDispose]();
      await urls.forget();
    },
  };
}

/** Tells the one-time URLs: to a terminal, or, where there is none, in a file that its owner alone can read. */
class OneTimeUrls {
  readonly #settings: ServeSettings;
  readonly #terminal: Terminal;
  #first: string | undefined;
  #file: string | undefined;

  constructor(settings: ServeSettings, terminal: Terminal) {
    this.#settings = settings;
    this.#terminal = terminal;
  }

  /** The first URL, if it is for a terminal. */
  get first(): string | undefined {
    return this.#first;
  }

  get file(): string | undefined {
    return this.#file;
  }

  async tell(url: string): Promise<void> {
    const { data, dev } = this.#settings;
    if (!this.#terminal.drawable) {
      const { folder, consoleUrl } = dataFolder(data);
      this.#file = consoleUrl;
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await replacePrivateFile(
        consoleUrl,
        readableText(`${url}\n`, (bytes) => new URL(String(bytes))),
        random,
      );
      return;
    }
    const isFirst = this.#first === undefined;
    this.#first ??= url;
    // The greeting of a server for development shows the first one.
    if (isFirst && !dev) this.#terminal.say(`The console, to be opened once: ${url}`);
    if (!isFirst) this.#terminal.say(`The console was opened. To open it again: ${url}`);
  }

  async forget(): Promise<void> {
    if (this.#file !== undefined) await rm(this.#file, { force: true });
  }
}
