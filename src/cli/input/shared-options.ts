import { type Command, Option } from "commander";
import { WORK_LIMITS } from "../../jobs/work-limits.ts";
import { CONNECTION_OPTIONS, STORE_OPTIONS } from "../help/help.ts";
import { append, duration, wholeNumber } from "./option-values.ts";

const CONFIG_TEXT = "the server's configuration file, which says where key ring and store are";

/** Options of commands that use a store which processes share. */
export function toSharedStore(command: Command): Command {
  const text = "use no shared store that does not replicate synchronously";
  return toStore(command).optionsGroup(STORE_OPTIONS).option("--require-sync-replication", text).optionsGroup("");
}

/** Where the store is. */
export function toStore(command: Command): Command {
  return command
    .optionsGroup(STORE_OPTIONS)
    .option(
      "--store <url>",
      "postgres://USER@HOST/DATABASE of a store that processes share (default: SEALWIRE_STORE, else none)",
    )
    .optionsGroup("");
}

/** Options of what runs tools. */
export function toTools(command: Command): Command {
  return command
    .option("--config <file>", "JSON file with any of these settings; what the command line says counts more")
    .option("--tools <module>", "module that exports your tools and descriptors; may be repeated", append)
    .option("--demo-tools", "serve batch_sum and start_long_task (default with --dev)")
    .option("--no-demo-tools", "do not serve them")
    .option("--concurrency <n>", "jobs run at once (default: 16)", wholeNumber(0, WORK_LIMITS.concurrency.most))
    .option("--metrics <address>", "serve Prometheus metrics over HTTP on this HOST:PORT")
    .option("--metrics-public", "serve them beyond loopback: whoever reaches the port reads them")
    .option("--health-file <file>", "keep this file for probes: SERVING or NOT_SERVING, touched every second")
    .addOption(
      new Option("--log-level <level>", "the least that is logged (default: info)").choices([
        "debug",
        "info",
        "warn",
        "error",
        "silent",
      ]),
    )
    .option(
      "--drain-timeout <duration>",
      "how long running calls, and jobs that do not heed their signal, get at shutdown (default: 10s)",
      duration("0s", "24h"),
    );
}

/** Options of commands that call a server. */
export function toServer(command: Command): Command {
  return command
    .optionsGroup(CONNECTION_OPTIONS)
    .option(
      "--address <address>",
      "server, or replicas separated by commas (default: SEALWIRE_ADDRESS, else the one in the credentials)",
    )
    .option("--credentials <file>", "credentials (default: SEALWIRE_CREDENTIALS, else .sealwire/client.json)")
    .option("--timeout <duration>", "how long one call may take, such as 30s (default: 60s)", duration("1ms", "24h"))
    .option(
      "--retry-for <duration>",
      "how long to keep trying while no connection can be made, within --timeout (default: 10s)",
      duration("0s", "24h"),
    )
    .option("--tls", "speak TLS, trusting the usual authorities")
    .option("--tls-ca <file>", "speak TLS, trusting this authority (PEM)")
    .option("--tls-cert <file>", "own certificate for servers that ask for one (PEM)")
    .option("--tls-key <file>", "its private key (PEM)")
    .option("--tls-server-name <name>", "name that the server's certificate must hold")
    .option("--insecure", "speak without TLS beyond loopback: everyone on the way can read along")
    .optionsGroup("");
}

/** Where a server's configuration is, for commands that look after what it names. */
export function withConfig(command: Command): Command {
  return command.option("--config <file>", CONFIG_TEXT);
}

/** Where the key ring is. */
export function withRing(command: Command): Command {
  return withConfig(toStore(command).optionsGroup(STORE_OPTIONS))
    .option("--server-secret-file <file>", "server secrets of the key ring in the shared store")
    .option("--data <dir>", "the server's data folder (default: .sealwire)")
    .option("--key-ring <file>", "key ring (default: key-ring.json in the data folder)")
    .optionsGroup("");
}

/** Where new credentials go. */
export function toCredentials(command: Command): Command {
  return command
    .option("--out <file>", "write the credentials to this new file, mode 0600")
    .addOption(new Option("--print", "print the credentials, secrets and all, on stdout").conflicts("out"))
    .option(
      "--address <address>",
      "address to write into the credentials (default: SEALWIRE_ADDRESS, else 127.0.0.1:50051)",
    );
}
