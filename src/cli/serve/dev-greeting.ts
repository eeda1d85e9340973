import { shellQuote } from "../../files/shell-quote.ts";
import { type CallerTls, callerTls } from "../../server/listen/caller-tls.ts";
import { type ConnectionOptions, sameServerOptions } from "../input/connection-options.ts";
import { dataFolder } from "../input/data-folder.ts";
import type { ServeSettings } from "../input/settings.ts";
import type { Terminal } from "../output/terminal.ts";

/** Maximum number of tools in the message. */
const TOOLS_SHOWN = 8;

/** A running server, for {@link sayServing}. */
export interface Serving {
  readonly settings: ServeSettings;
  /** The names of its tools, sorted. */
  readonly tools: readonly string[];
  readonly address: string;
  readonly serverId: string;
  /** Address of the metrics endpoint. */
  readonly metrics: string | undefined;
  /** One-time URL of the console, or its address if its users have tokens. */
  readonly console: string | undefined;
}

/** Prints the served tools, the address and the next steps, for a server started with --dev on a terminal. */
export function sayServing(
  terminal: Terminal,
  { settings, tools: names, address, serverId, metrics, console: url }: Serving,
): void {
  const { bold, dim } = terminal.colors;
  const more = names.length - TOOLS_SHOWN;
  const tools = `${names.slice(0, TOOLS_SHOWN).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
  terminal.say("");
  terminal.say(`${bold("Serving")} ${tools}`);
  terminal.say(`  ${dim("on")} ${address}, as ${serverId}`);
  const jobs = settings.store === undefined ? settings.data : "the shared store";
  terminal.say(`  ${dim("client.json in")} ${settings.data}, keys in ${settings.keyRing}, jobs in ${jobs}`);
  if (metrics !== undefined) terminal.say(`  ${dim("metrics on")} http://${metrics}/metrics`);
  if (url !== undefined) terminal.say(`  ${dim("console on")} ${url}`);
  terminal.say(`${bold("Next")}, in a second terminal in this folder:`);
  for (const command of nextCommands(settings, names)) terminal.say(`  ${command}`);
  terminal.say(dim("Ctrl-C stops the server. Its log follows."));
  terminal.say("");
}

function nextCommands({ data, tls }: ServeSettings, names: readonly string[]): string[] {
  const { credentials } = dataFolder(data);
  const server = {
    ...(credentials !== dataFolder().credentials && { credentials }),
    ...(tls && tlsOptions(callerTls(tls))),
  };
  const options = ["", ...sameServerOptions(server).map(shellQuote)].join(" ");
  const list = `npx sealwire tools${options}`;
  return names.includes("batch_sum")
    ? [list, `npx sealwire call batch_sum '{"numbers": [1, 2, 3.5]}'${options}`]
    : [list];
}

function tlsOptions({ ca, clientCertificate }: CallerTls): ConnectionOptions {
  return {
    ...(ca === undefined ? { tls: true } : { tlsCa: ca }),
    ...(clientCertificate && { tlsCert: "client.pem", tlsKey: "client.key" }),
  };
}
