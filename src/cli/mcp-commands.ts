import { Argument, type Command, Option } from "commander";
import { LISTENING_OPTIONS } from "./help/help.ts";
import { MCP_HOSTS } from "./input/mcp-hosts.ts";
import { append, collect, duration } from "./input/option-values.ts";
import { toLog, toServer, toServerOnce } from "./input/shared-options.ts";
import type { RunCommand } from "./run-command.ts";

/** Adds `mcp` with its subcommands. */
export function addMcpCommands(program: Command, run: RunCommand): void {
  const mcp = toServerOnce(toLog(program.command("mcp")), "client")
    .description("serve the tools to an MCP host over stdio or HTTP, such as an editor or an agent")
    .enablePositionalOptions()
    .option("--tools <patterns>", 'tools to offer, such as "batch_*,resize" (default: all); may be repeated', collect)
    .option("--read-only", "offer only tools without side effects")
    .option("--prefix <text>", "text before the name of each tool, for hosts with several servers")
    .option(
      "--wait <duration>",
      "how long a call waits for its job before it is answered (default: 40s)",
      duration("0s", "10m"),
    )
    .addOption(
      new Option(
        "--on-cancel <what>",
        "what a cancelled call does to its job: cancel it, or leave it (default: detach)",
      ).choices(["job", "detach"]),
    )
    .option("--pin <file>", "withhold tools whose definition is not the accepted one in this file; see `mcp pins`")
    .optionsGroup(LISTENING_OPTIONS)
    .option("--listen <address>", "serve over HTTP on this HOST:PORT, in place of stdio; needs --token-file")
    .option("--token-file <file>", "a private file with a line NAME TOKEN CREDENTIALS-FILE for each caller over HTTP")
    .option("--tls-cert <file>", "certificate chain of the HTTP server in PEM; read again when it changes")
    .option("--tls-key <file>", "private key of that certificate in PEM")
    .optionsGroup("");
  mcp.action(run(() => import("./commands/mcp/serve.ts")));
  mcp
    .command("config")
    .addArgument(new Argument("<host>", "the host that the configuration is for").choices(MCP_HOSTS))
    .description("print the configuration with which a host starts `sealwire mcp`; it contains no secret")
    .option("--name <name>", "name of the server for the host (default: sealwire)")
    .option("--credentials <file>", "credentials (default: SEALWIRE_CREDENTIALS, else .sealwire/client.json)")
    .option("--pin <file>", "file of the accepted definitions")
    .option("--tools <patterns>", "tools to offer; may be repeated", collect)
    .option("--read-only", "offer only tools without side effects")
    .action(run(() => import("./commands/mcp/config.ts")));
  mcp
    .command("import")
    .argument("<name=server>", "as --mcp-server has it: a command or a URL")
    .description("write a typed contract for the tools of an MCP server, once, for you to own")
    .option("--out <file>", "new file for the contract (default: stdout)")
    .option("--package <name>", "package of the contract (default: NAME.v1)")
    .option("--env <variable>", "environment variable that the server's program gets; may be repeated", append)
    .option("--token <variable>", "environment variable with the bearer token for the server's URL")
    .action(run(() => import("./commands/mcp/import.ts")));
  const pins = mcp.command("pins").description("the definitions of tools that you have accepted");
  const pinned = (command: Command): Command =>
    toServer(command).option("--pin <file>", "file of the accepted definitions (default: .sealwire/pins.json)");
  pinned(pins.command("list"))
    .description("list the accepted definitions of the server's tools; sends no request")
    .option("--json", "print one JSON object per line")
    .action(run(() => import("./commands/mcp/pins/list.ts")));
  pinned(pins.command("verify"))
    .description("compare the server's tools with their accepted definitions; exit code 6 if one has changed")
    .option("--json", "print one JSON object per line")
    .action(run(() => import("./commands/mcp/pins/verify.ts")));
  pinned(pins.command("approve").argument("[tool...]", "the tools"))
    .description("accept the definitions that tools have now, and show what changed")
    .option("--all", "all tools that the server offers")
    .action(run(() => import("./commands/mcp/pins/approve.ts")));
  pinned(pins.command("reset").argument("[tool...]", "the tools"))
    .description("forget accepted definitions; sends no request")
    .option("--all", "all tools of the server")
    .action(run(() => import("./commands/mcp/pins/reset.ts")));
}
