import type { TlsAnswer } from "../answers.ts";

/** Commands that call a tool, by what they are named. */
export interface ToolCommands {
  /** Calls and verifies the answer. */
  readonly sealwire: string;
  /** Signs with sealwire, and sends with grpcurl. */
  readonly grpcurl: string;
  /** Sends with grpcurl through `sealwire proxy`, which signs. */
  readonly proxied: string;
}

/** The tool and the server that commands are about. */
export interface CalledTool {
  readonly name: string;
  /** Such as "greet.v1.GreetToolService.Greet". */
  readonly method: string;
  /** "HOST:PORT" or "unix:PATH". */
  readonly address: string;
  /** The host name by which the console was opened. It replaces an address that stands for all addresses of a machine. */
  readonly host: string;
  /** Absent for a server without TLS. */
  readonly tls?: TlsAnswer;
  readonly args: unknown;
}

/** The default address of a server, which commands may leave out. */
const DEFAULT_ADDRESS = "127.0.0.1:50051";

/** The files with which a caller presents a certificate, as commands name them. */
export const CLIENT_CERTIFICATE = { certificate: "client.pem", key: "client.key" };

/** Writes the commands that call a tool with these arguments, to paste into a POSIX shell. */
export function toolCommands({ name, method, address: listening, host, tls, args }: CalledTool): ToolCommands {
  const json = shellQuote(JSON.stringify(args));
  const tool = shellQuote(name);
  const address = listening.replace(/^(?:0\.0\.0\.0|\[::\])(?=:)/, () => host);
  const words = [...(address === DEFAULT_ADDRESS ? [] : ["--address", address]), ...tlsOptions(tls)];
  const target = words.map((word) => ` ${shellQuote(word)}`).join("");
  const dot = method.lastIndexOf(".");
  const path = shellQuote(`${method.slice(0, dot)}/${method.slice(dot + 1)}`);
  return {
    sealwire: `npx sealwire call ${tool} ${json}${target}`,
    grpcurl: `npx sealwire sign ${tool} ${json} --grpcurl${target} | sh`,
    proxied: `grpcurl -plaintext -d ${json} unix:.sealwire/proxy.sock ${path}`,
  };
}

/** The options of `sealwire` for a server with TLS. */
function tlsOptions(tls: TlsAnswer | undefined): string[] {
  if (tls === undefined) return [];
  const { certificate, key } = CLIENT_CERTIFICATE;
  return [
    ...(tls.ca === undefined ? ["--tls"] : ["--tls-ca", tls.ca]),
    ...(tls.clientCertificate ? ["--tls-cert", certificate, "--tls-key", key] : []),
  ];
}

/** Quotes a word for a POSIX shell. A line break stays one inside of quotes. */
export function shellQuote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
