import { SealwireError } from "../../errors.ts";
import { isLoopback } from "../../wire/loopback.ts";
import { parseAddresses } from "../../wire/server-address.ts";
import type { Terminal } from "../output/terminal.ts";

/** Options for connecting to a server. */
export interface AddressOptions {
  readonly address?: string;
  readonly tls?: boolean;
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsServerName?: string;
  readonly insecure?: boolean;
}

const URL_FORM = /^(https?|grpcs?):\/\/([^/?#@]+)/i;
const WITHOUT_PORT = /^(?:[^\s:/[\]]+|\[[0-9A-Fa-f:.]+\])$/;

/** True if any option enables TLS. */
export function asksForTls({ tls, tlsCa, tlsCert, tlsKey, tlsServerName }: AddressOptions): boolean {
  return tls === true || [tlsCa, tlsCert, tlsKey, tlsServerName].some((value) => value !== undefined);
}

/**
 * The address in an option or in the environment; `undefined` if neither is set and that of the credentials applies.
 * Throws OPTIONS_INVALID for a URL and for a host without a port. The message names the option.
 */
export function namedAddress(options: AddressOptions, env: Terminal["env"]): string | undefined {
  const from = options.address === undefined ? "SEALWIRE_ADDRESS" : "--address";
  const named = options.address ?? (env.SEALWIRE_ADDRESS || undefined);
  for (const each of named?.split(",") ?? []) checkForm(from, each.trim(), options);
  return named;
}

/** Throws OPTIONS_INVALID for a remote address without TLS, unless `--insecure` is set. */
export function checkSecurity(address: string, options: AddressOptions): void {
  if (asksForTls(options) || options.insecure) return;
  const remote = parseAddresses(address).find(({ target }) => !isLoopback(target));
  if (remote === undefined) return;
  throw new SealwireError(
    "OPTIONS_INVALID",
    `${remote.target} is a remote address, and no option enables TLS.\nGive --tls or --tls-ca FILE, or --insecure to send everything unencrypted.`,
  );
}

function checkForm(from: string, address: string, options: AddressOptions): void {
  const [, scheme, host] = URL_FORM.exec(address) ?? [];
  if (host !== undefined) {
    const security = scheme?.toLowerCase().endsWith("s") && !asksForTls(options) ? " with --tls" : "";
    throw refused(from, address, `is a URL.\nGive HOST:PORT alone: ${host}${security}.`);
  }
  if (WITHOUT_PORT.test(address) && !asksForTls(options)) {
    throw refused(from, address, `names no port.\nGive HOST:PORT, such as ${address}:50051.`);
  }
}

function refused(from: string, address: string, problem: string): SealwireError {
  return new SealwireError("OPTIONS_INVALID", `${from} ${JSON.stringify(address.slice(0, 80))} ${problem}`);
}
