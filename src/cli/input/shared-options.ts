import { type Command, Option } from "commander";
import { WORK_LIMITS } from "../../jobs/work-limits.ts";
import { CONNECTION_OPTIONS, STORE_OPTIONS } from "../help/help.ts";
import { append, collect, duration, wholeNumber } from "./option-values.ts";

const CONFIG_TEXT = "the server's configuration file, with the location of key ring and store";

/** Adds the options of commands that serve or run jobs with a shared store. */
export function toSharedStore(command: Command): Command {
  const text = "refuse a shared store that does not replicate synchronously";
  return toStore(command).optionsGroup(STORE_OPTIONS).option("--require-sync-replication", text).optionsGroup("");
}

/** Adds the option for a shared store. */
export function toStore(command: Command): Command {
  return command
    .optionsGroup(STORE_OPTIONS)
    .option("--store <url>", "postgres://USER@HOST/DATABASE of a shared store (default: SEALWIRE_STORE, else none)")
    .optionsGroup("");
}

/** Adds the options of commands that run tools. */
export function toTools(command: Command): Command {
  command
    .option("--config <file>", "JSON file with any of these settings; the command line overrides it")
    .option("--tools <module>", "module that exports your tools and descriptors; may be repeated", append)
    .option(
      "--upstream <name=address>",
      "gRPC server whose methods are offered as tools, such as py=unix:/run/tools/py.sock; may be repeated",
      append,
    )
    .option("--upstream-descriptors <name=file>", "descriptors of an upstream's contract; may be repeated", append)
    .option(
      "--mcp-server <name=server>",
      "MCP server whose tools are offered: a command, such as 'files=npx -y @scope/server /data', or a URL; may be repeated",
      append,
    )
    .option("--mcp-env <name:variable>", "environment variable that the server's program gets; may be repeated", append)
    .option(
      "--mcp-token <name:variable>",
      "environment variable with the bearer token for the server's URL; may be repeated",
      append,
    )
    .option(
      "--mcp-job <pattern>",
      "tools of MCP servers that run as jobs, such as 'files_build_*'; may be repeated",
      collect,
    )
    .option(
      "--mcp-trust-annotations <name>",
      "believe which tools this MCP server calls read-only or repeatable; may be repeated",
      append,
    )
    .option("--mcp-per-client <name>", "run this MCP server once for each client; may be repeated", append)
    .option("--mcp-pin <file>", "keep the accepted tools of MCP servers here, and withhold those that change")
    .option("--demo-tools", "serve batch_sum and start_long_task (default with --dev)")
    .option("--no-demo-tools", "do not serve the demo tools")
    .option(
      "--concurrency <n>",
      "number of concurrent jobs (default: 16)",
      wholeNumber(0, WORK_LIMITS.concurrency.most),
    )
    .option("--metrics <address>", "serve Prometheus metrics over HTTP on this HOST:PORT")
    .option("--metrics-public", "serve metrics beyond loopback, to anyone who can reach the port")
    .option("--otel", "send traces by OTLP over HTTP, as the variables OTEL_* say")
    .option("--audit <file>", "write an audit log to this file, or to standard output for -; opened again after SIGHUP")
    .option("--audit-required", "begin no call with side effects and no job while the audit log cannot be written")
    .option("--health-file <file>", "write SERVING or NOT_SERVING to this file for probes, touched every second");
  return toLog(command);
}

/** Adds the options of commands that run until they are stopped. */
export function toLog(command: Command): Command {
  return command
    .addOption(
      new Option("--log-level <level>", "minimum level of log messages (default: info)").choices([
        "debug",
        "info",
        "warn",
        "error",
        "silent",
      ]),
    )
    .option(
      "--drain-timeout <duration>",
      "grace period at shutdown for running calls and jobs (default: 10s)",
      duration("0s", "24h"),
    );
}

/** Adds the options of commands that call a server and retry while it cannot be reached. */
export function toServer(command: Command): Command {
  return toServerOnce(command)
    .optionsGroup(CONNECTION_OPTIONS)
    .option(
      "--retry-for <duration>",
      "how long to retry while no connection can be made, within --timeout (default: 10s)",
      duration("0s", "24h"),
    )
    .optionsGroup("");
}

/** Adds the options of commands that call a server once. `certificate`: how those for the client's certificate begin. */
export function toServerOnce(command: Command, certificate: "tls" | "client" = "tls"): Command {
  return command
    .optionsGroup(CONNECTION_OPTIONS)
    .option(
      "--address <address>",
      "server, or replicas separated by commas (default: SEALWIRE_ADDRESS, else the one in the credentials)",
    )
    .option("--credentials <file>", "credentials (default: SEALWIRE_CREDENTIALS, else .sealwire/client.json)")
    .option("--timeout <duration>", "how long one call may take, such as 30s (default: 60s)", duration("1ms", "24h"))
    .option("--tls", "use TLS with the default certificate authorities")
    .option("--tls-ca <file>", "use TLS with this certificate authority (PEM)")
    .option(`--${certificate}-cert <file>`, "client certificate, for servers that require one (PEM)")
    .option(`--${certificate}-key <file>`, "private key of the client certificate (PEM)")
    .option("--tls-server-name <name>", "name that the server's certificate must contain")
    .option("--insecure", "connect beyond loopback without TLS: the traffic can be read on the network")
    .optionsGroup("");
}

/** Adds the argument and the options of commands that read the contract of a gRPC server. */
export function toUpstream(command: Command): Command {
  return command
    .argument("<address>", "the server: HOST:PORT or unix:PATH")
    .option("--service <name>", "full name of a service (default: all); may be repeated", append)
    .option("--timeout <duration>", "how long to try (default: 10s)", duration("1ms", "24h"))
    .option("--tls", "use TLS with the default certificate authorities")
    .option("--tls-ca <file>", "use TLS with this certificate authority (PEM)")
    .option("--tls-cert <file>", "client certificate, for servers that require one (PEM)")
    .option("--tls-key <file>", "private key of the client certificate (PEM)")
    .option("--tls-server-name <name>", "name that the server's certificate must contain");
}

/** Adds the option for a server's configuration file. */
export function withConfig(command: Command): Command {
  return command.option("--config <file>", CONFIG_TEXT);
}

/** Adds the options for the location of a server's key ring and store. */
export function withRing(command: Command): Command {
  return withPlace(withConfig(toStore(command).optionsGroup(STORE_OPTIONS)), "the server's data folder");
}

/** Adds the options for the location of the key ring of commands that run tools. */
export function withServedRing(command: Command): Command {
  return withPlace(command.optionsGroup(STORE_OPTIONS), "folder of key ring and store");
}

function withPlace(command: Command, data: string): Command {
  return command
    .option(
      "--server-secret-file <file>",
      "server secrets of the key ring in the shared store, or exec:COMMAND that prints them",
    )
    .option("--data <dir>", `${data} (default: .sealwire)`)
    .option("--key-ring <file>", "key ring (default: key-ring.json in the data folder)")
    .optionsGroup("");
}

/** Adds the options for new credentials. */
export function toCredentials(command: Command): Command {
  return command
    .option("--out <file>", "write the credentials to this new file, mode 0600")
    .addOption(new Option("--print", "print the credentials, including secrets, on stdout").conflicts("out"))
    .option(
      "--address <address>",
      "address to write into the credentials (default: SEALWIRE_ADDRESS, else 127.0.0.1:50051)",
    );
}
