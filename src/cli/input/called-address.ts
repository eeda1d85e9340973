import { isLoopback } from "../../client/transport/loopback.ts";
import { SealwireError } from "../../errors.ts";
import { parseAddresses } from "../../wire/server-address.ts";
import type { Terminal } from "../output/terminal.ts";

/** What says how a server is called. */
export interface CallOptions {
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

/** True if any option asks for TLS. */
export function asksForTls({ tls, tlsCa, tlsCert, tlsKey, tlsServerName }: CallOptions): boolean {
  return tls === true || [tlsCa, tlsCert, tlsKey, tlsServerName].some((value) => value !== undefined);
}

/**
 * The address that an option or the environment names, `undefined` for the one in the credentials. Throws OPTIONS_INVALID
 * for a URL, and for a name alone, in the words of the command line.
 */
export function namedAddress(options: CallOptions, env: Terminal["env"]): string | undefined {
  const from = options.address === undefined ? "SEALWIRE_ADDRESS" : "--address";
  const named = options.address ?? (env.SEALWIRE_ADDRESS || undefined);
  for (const each of named?.split(",") ?? []) checkForm(from, each.trim(), options);
  return named;
}

/** Throws OPTIONS_INVALID for an address beyond this machine without TLS, unless that is asked for. */
export function checkSecurity(address: string, options: CallOptions): void {
  if (asksForTls(options) || options.insecure) return;
  const remote = parseAddresses(address).find(({ target }) => !isLoopback(target));
  if (remote === undefined) return;
  throw new SealwireError(
    "OPTIONS_INVALID",
    `${remote.target} is beyond this machine, and no option asks for TLS.\nGive --tls or --tls-ca FILE, or --insecure to let everyone on the way read along.`,
  );
}

function checkForm(from: string, address: string, options: CallOptions): void {
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
