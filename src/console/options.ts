import { SealwireError } from "../errors.ts";
import type { OperatorAccess } from "../operator/action.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Logger } from "../runtime/logger.ts";
import type { Random } from "../runtime/random.ts";
import { isLocal, type ListenAddress, parseListenAddress } from "../server/listen/address.ts";
import type { ServerTlsOptions } from "../server/options.ts";
import type { ConsolePrincipal } from "./principals.ts";
import type { Route } from "./route.ts";

/** Options of `openConsole`. */
export interface ConsoleOptions {
  /** "HOST:PORT". Beyond loopback it needs `tls` and `principals`. Port 0 selects a free port. */
  readonly listen: string;
  readonly tls?: ServerTlsOptions | undefined;
  /** Makes everybody a viewer. */
  readonly readOnly: boolean;
  /** Those who sign in with tokens of their own, at the start. Empty: one-time URLs are offered. */
  readonly principals: readonly ConsolePrincipal[];
  /** Called with each one-time URL: the first, and the next one after each use. It holds a secret. */
  readonly onUrl: (url: string) => void | Promise<void>;
  /** Called after each sign-in and each refusal. Must not throw. */
  readonly onAccess?: (access: OperatorAccess) => void;
  /** What the pages read and do. */
  readonly routes: readonly Route[];
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** The options that say where a console listens, and for whom. */
export interface ConsolePlace extends Pick<ConsoleOptions, "listen" | "tls"> {
  readonly hasPrincipals: boolean;
}

/** The files of TLS for a console. Who opens it has a token: a client certificate is for callers of tools. */
export function consoleTls(tls: ServerTlsOptions | undefined): ServerTlsOptions | undefined {
  if (tls === undefined) return undefined;
  const { clientCaPath: _, ...files } = tls;
  return files;
}

/** Checks where a console listens. Throws OPTIONS_INVALID. */
export function checkConsolePlace({ listen, tls, hasPrincipals }: ConsolePlace): ListenAddress & { kind: "tcp" } {
  const address = parseListenAddress(listen);
  if (address.kind === "unix") {
    throw new SealwireError("OPTIONS_INVALID", "Browsers reach a console by HOST:PORT, not by a unix socket.");
  }
  if (isLocal(address) || (tls !== undefined && hasPrincipals)) return address;
  const missing = [
    ...(tls === undefined ? ["a certificate (--tls-cert, --tls-key)"] : []),
    ...(hasPrincipals ? [] : ["a token file (--console-token-file)"]),
  ].join(" and ");
  throw new SealwireError(
    "OPTIONS_INVALID",
    `Beyond this machine the console needs ${missing}; use 127.0.0.1:PORT, or give what is missing.`,
  );
}
