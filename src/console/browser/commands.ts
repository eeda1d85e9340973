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
  readonly args: unknown;
}

/** The default address of a server, which commands may leave out. */
const DEFAULT_ADDRESS = "127.0.0.1:50051";

/** Writes the commands that call a tool with these arguments, to paste into a POSIX shell. */
export function toolCommands({ name, method, address, args }: CalledTool): ToolCommands {
  const json = shellQuote(JSON.stringify(args));
  const tool = shellQuote(name);
  const target = address === DEFAULT_ADDRESS ? "" : ` --address ${shellQuote(address)}`;
  const dot = method.lastIndexOf(".");
  const path = shellQuote(`${method.slice(0, dot)}/${method.slice(dot + 1)}`);
  return {
    sealwire: `npx sealwire call ${tool} ${json}${target}`,
    grpcurl: `npx sealwire sign ${tool} ${json} --grpcurl${target} | sh`,
    proxied: `grpcurl -plaintext -d ${json} unix:.sealwire/proxy.sock ${path}`,
  };
}

/** Quotes a word for a POSIX shell. A line break stays one inside of quotes. */
export function shellQuote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
