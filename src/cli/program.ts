import { Argument, Command, Option } from "commander";
import { JOB_STATES } from "../jobs/job.ts";
import { VERSION } from "../runtime/version.ts";
import { SHELLS } from "./help/completion-scripts.ts";
import { arrangeHelp, CONSOLE_OPTIONS, LISTENING_OPTIONS } from "./help/help.ts";
import { chainHead, collect, duration, filterText, requestId, time, wholeNumber } from "./input/option-values.ts";
import {
  toLog,
  toServer,
  toServerOnce,
  toSharedStore,
  toStore,
  toTools,
  toUpstream,
  withConfig,
  withRing,
  withServedRing,
} from "./input/shared-options.ts";
import { addKeyCommands } from "./key-commands.ts";
import { addMcpCommands } from "./mcp-commands.ts";
import { addOpsCommands } from "./ops-commands.ts";
import type { ExitCode } from "./output/exit-code.ts";
import type { Terminal } from "./output/terminal.ts";
import type { RunCommand } from "./run-command.ts";

/** Creates the command line with all commands and options. `onExit` receives a command's exit code. */
export function createProgram(terminal: Terminal, onExit: (code: ExitCode) => void): Command {
  const run: RunCommand =
    (load) =>
    async (...args): Promise<void> => {
      onExit(await (await load()).run(terminal, ...args));
    };

  const program = new Command("sealwire")
    .description("Signed tool calls over gRPC, and the jobs they start.")
    .version(VERSION)
    // `mcp` has options and subcommands with options of the same names.
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.print(text.replace(/\n$/, "")),
      writeErr: () => {},
      getOutHelpWidth: () => terminal.dataColumns ?? PLAIN_HELP_COLUMNS,
    })
    .addHelpText("after", EPILOGUE);

  program
    .command("init")
    .argument("[dir]", "folder of the project (default: the current one)")
    .description("create a project with a contract, two tools and a client")
    .action(run(() => import("./commands/init.ts")));

  withServedRing(toSharedStore(toTools(program.command("serve"))))
    .description("run a server; prints one JSON line when it is ready, with --dev on a terminal the next steps")
    .option("--dev", "create the data folder with key ring, store and client.json if missing, and serve the demo tools")
    .option("--no-work", "run no jobs in this process")
    .option("--operator-payloads", "let operators' keys see arguments and results of all jobs")
    .option("--no-reflection", "do not serve gRPC reflection, which shows the contract to anonymous callers")
    .option(
      "--drain-delay <duration>",
      "how long calls are still accepted at shutdown while health reports NOT_SERVING (default: 0s)",
      duration("0s", "24h"),
    )
    .optionsGroup(LISTENING_OPTIONS)
    .option("--listen <address>", "HOST:PORT or unix:PATH; port 0 picks a free one (default: 127.0.0.1:50051)")
    .option("--reuse-port", "share the port with other processes that set this option; needs --store")
    .option("--tls-cert <file>", "certificate chain in PEM; read again when it changes")
    .option("--tls-key <file>", "private key of the certificate in PEM")
    .option("--tls-client-ca <file>", "require client certificates of this certificate authority")
    .option("--insecure", "listen beyond loopback without TLS: the traffic can be read on the network")
    .optionsGroup(CONSOLE_OPTIONS)
    .option("--console <address>", "serve the web console at HOST:PORT; port 0 picks a free one (default: with --dev)")
    .option("--no-console", "do not serve the console with --dev")
    .option("--console-read-only", "let nobody change anything in the console")
    .option("--console-token-file <file>", "a private file with a line NAME ROLE TOKEN for each who signs in")
    .action(run(() => import("./commands/serve.ts")));

  withServedRing(toSharedStore(toTools(program.command("work"))))
    .description("run the jobs of a shared store without serving calls; prints one JSON line when it is ready")
    .option(
      "--server-id <id>",
      "id of the servers, which upstreams are told (default: with --audit that of the key ring)",
    )
    .action(run(() => import("./commands/work.ts")));

  toServerOnce(toLog(program.command("proxy")))
    .description("serve the tools natively on this machine and sign each call, for grpcurl and ordinary stubs")
    .optionsGroup(LISTENING_OPTIONS)
    .option("--listen <address>", "unix:PATH or 127.0.0.1:PORT (default: unix:.sealwire/proxy.sock)")
    .option("--token-file <file>", "a private file with the token that callers send as `authorization: Bearer TOKEN`")
    .option("--allow-all-local-users", "listen on a port without a token: every user of this machine can call as you")
    .action(run(() => import("./commands/proxy.ts")));

  toServer(program.command("call").argument("<tool>", TOOL).argument("[json]", ARGUMENTS))
    .description("call a tool and print its result; waits for the end of a job")
    .option("--watch", "wait for a job and show its progress (the default)")
    .addOption(new Option("--detach", "print a job when it is accepted, and do not wait").conflicts("watch"))
    .option(
      "--request-id <id>",
      "id of the intent; repeated calls with it execute the tool once (default: a new UUID)",
      requestId,
    )
    .option(
      "--descriptors <file>",
      "descriptor image of the tool's contract (default: the server's signed descriptors)",
    )
    .option("--pin <file>", "accept the tool's definition as pinned in this file only; pin it if it is new")
    .action(run(() => import("./commands/call.ts")));

  toServer(program.command("sign").argument("<tool>", TOOL).argument("[json]", ARGUMENTS))
    .description("sign a call and print it as ProtoJSON for `buf curl -d @-` or `grpcurl -d @`")
    .option("--request-id <id>", "id of the intent (default: a new UUID)", requestId)
    .addOption(
      new Option("--count <n>", "number of requests to sign, each with a new nonce, one per line (default: 1)")
        .argParser(wholeNumber(1, 1_000_000))
        .conflicts(["grpcurl", "explain"]),
    )
    .addOption(
      new Option("--binary", "print bytes instead, each request prefixed by its length, for `ghz -B`").conflicts(
        "grpcurl",
      ),
    )
    .option(
      "--descriptors <file>",
      "descriptor image of the tool's contract (default: built in, else the server's signed descriptors)",
    )
    .option("--grpcurl", "print a complete grpcurl command instead")
    .option("--explain", "explain on stderr how the signature is computed")
    .action(run(() => import("./commands/sign.ts")));

  withRing(program.command("verify").argument("[file]", "a signed request, as ProtoJSON or binary; - for stdin", "-"))
    .description("show offline at which step a server would refuse a signed request")
    .option("--credentials <file>", "verify with a client's own keys instead of a key ring")
    .option("--server-id <id>", "id of the server (default: that of the key ring or the credentials)")
    .option("--descriptors <file>", "descriptor image of the tools' contracts")
    .option("--at <time>", "verify as of this UTC time, such as 2026-11-22T12:00:00Z (default: now)", time)
    .option("--json", "print one JSON object")
    .action(run(() => import("./commands/verify.ts")));

  toServer(program.command("tools").argument("[tool]", "one tool: its fields, rules, job policy and an example call"))
    .description("list the tools that you may call, or describe one")
    .option("--json", "print one JSON object")
    .addOption(
      new Option("--schema", "print the JSON Schemas of arguments and output, of all tools by name").conflicts("json"),
    )
    .option("--pin <file>", "pin the definitions of new tools in this file; exit code 6 if one has changed")
    .action(run(() => import("./commands/tools.ts")));

  const jobs = program.command("jobs").description("list, show, watch and cancel your jobs");
  toServer(jobs.command("list"))
    .description("list your jobs, newest first")
    .addOption(
      new Option("--state <state>", "only jobs in this state; may be repeated").choices(JOB_STATES).argParser(collect),
    )
    .option("--tool <tool>", "only jobs of this tool", filterText)
    .option("--limit <n>", "maximum number of jobs (default: 50)", wholeNumber(1, 1_000_000))
    .option("--json", "print one JSON object per line")
    .action(run(() => import("./commands/jobs/list.ts")));
  toServer(jobs.command("get").argument("<job-id>", "the job, as `jobs list` shows it"))
    .description("show a job and its result, if it has one")
    .option("--json", "print one JSON object")
    .action(run(() => import("./commands/jobs/get.ts")));
  toServer(jobs.command("watch").argument("[job-id]", "the job, as `jobs list` shows it"))
    .description("watch a job to its end and print its result, or watch all jobs")
    .option("--after-revision <n>", "skip states up to this revision", wholeNumber(0))
    .option("--all", "watch all of your jobs, open and new ones, until Ctrl-C")
    .option("--tool <tool>", "with --all: only jobs of this tool", filterText)
    .option("--ended-since <time>", "with --all: also jobs that ended at this UTC time or later", time)
    .option("--json", "print each state as one JSON object per line")
    .action(run(() => import("./commands/jobs/watch.ts")));
  toServer(jobs.command("cancel").argument("<job-id>", "the job, as `jobs list` shows it"))
    .description("cancel a job")
    .option("--json", "print one JSON object")
    .action(run(() => import("./commands/jobs/cancel.ts")));

  addOpsCommands(program, run);

  addKeyCommands(program, run);

  const store = program.command("store").description("back up, migrate or repair a server's store");
  withConfig(store.command("backup").argument("<file>", "a new file, mode 0600"))
    .description("copy a snapshot of the store in a data folder; a server may use the store")
    .option("--data <dir>", "the server's data folder (default: .sealwire)")
    .action(run(() => import("./commands/store/backup.ts")));
  withConfig(toStore(store.command("migrate")))
    .description("create or upgrade the tables of a store, before servers of this version start")
    .option("--data <dir>", "a server's data folder, instead of a shared store (default: .sealwire)")
    .option("--check", "change nothing; exit 0 if the store is up to date, 1 if a migration is due, 5 if it is too new")
    .action(run(() => import("./commands/store/migrate.ts")));

  withConfig(toStore(store.command("repair-clock")))
    .description("make a store accept frames again after its clock was ahead; stop the server first")
    .option("--data <dir>", "a server's data folder, instead of a shared store (default: .sealwire)")
    .action(run(() => import("./commands/store/repair-clock.ts")));

  withConfig(toStore(store.command("narrow")))
    .description("shorten the time that frames are refused after nonces were lost; stop the servers first")
    .requiredOption(
      "--max-ahead <time>",
      "the largest `max_ahead_ms` of the servers, such as 2s, up to 10m",
      duration("0s", "10m"),
    )
    .option("--data <dir>", "a server's data folder, instead of a shared store (default: .sealwire)")
    .action(run(() => import("./commands/store/narrow.ts")));

  const audit = program.command("audit").description("verify the audit log of a server");
  withRing(audit.command("verify").argument("<files...>", "files of the log, the oldest first"))
    .description("find lines that were changed, removed, moved or added, and an end that was cut off")
    .addOption(
      new Option(
        "--head <chain:sequence:mac>",
        "last line of a chain, as this command prints it, instead of those in the store; may be repeated",
      ).argParser(chainHead),
    )
    .option("--json", "print one JSON object")
    .action(run(() => import("./commands/audit/verify.ts")));

  const upstream = program
    .command("upstream")
    .description("contracts and keys of gRPC servers that `serve` offers as tools");
  toUpstream(upstream.command("pull"))
    .argument("<file>", "new file for the descriptors")
    .description("write the contract that a server reports by reflection to a file, and print its tools")
    .option("--force", "replace the file")
    .action(run(() => import("./commands/upstream/pull.ts")));
  toUpstream(upstream.command("check"))
    .argument("<file>", "descriptors that `upstream pull` or buf has written")
    .description("compare the contract that a server reports with a file; exit 1 if they differ")
    .action(run(() => import("./commands/upstream/check.ts")));
  upstream
    .command("keygen")
    .argument("<file>", "a new file, mode 0600")
    .description("make a key file with which servers sign assertions for upstreams")
    .action(run(() => import("./commands/upstream/keygen.ts")));
  upstream
    .command("rotate")
    .argument("<file>", "the key file")
    .description("replace the signing key in two steps: publish the next one, then sign with it")
    .action(run(() => import("./commands/upstream/rotate.ts")));
  upstream
    .command("jwks")
    .argument("<file>", "the key file")
    .description("print the public keys for upstreams, a JSON Web Key Set")
    .action(run(() => import("./commands/upstream/jwks.ts")));

  addMcpCommands(program, run);

  toServerOnce(
    program.command("health").argument("[service]", "full name of a service (default: the server as a whole)"),
  )
    .description("query the server's health (unsigned, as load balancers do)")
    .option("--json", "print one JSON object")
    .action(run(() => import("./commands/health.ts")));

  program
    .command("completion")
    .addArgument(new Argument("<shell>", "the shell that the script is for").choices(SHELLS))
    .description("print a script that completes commands, options and their values in a shell")
    .action(run(() => import("./commands/completion.ts")));
  // Called by the completion scripts.
  program
    .command("complete", { hidden: true })
    .argument("[words...]", "the words of a command line, the last of which is completed")
    .description("print the completions of the last word")
    .action((words: readonly string[]) => run(() => import("./commands/complete.ts"))(program, words));

  arrangeHelp(program);
  return program;
}

const TOOL = "the tool, as `sealwire tools` shows it";
const ARGUMENTS = "arguments: JSON, @FILE, or - for stdin";

/** Width of the help text without a terminal. */
const PLAIN_HELP_COLUMNS = 100;

const EPILOGUE = `
Exit codes: 0 done, 1 the tool or job failed, 2 bad usage or arguments, 3 refused, 4 unreachable, 5 unusable store, 6 changed definition, 130 Ctrl-C.
Environment: SEALWIRE_ADDRESS, SEALWIRE_CREDENTIALS, SEALWIRE_STORE, NO_COLOR; SEALWIRE_DEBUG=1 shows where an error comes from.`;
