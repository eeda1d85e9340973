import { Argument, Command, Option } from "commander";
import { JOB_STATES } from "../jobs/job.ts";
import { VERSION } from "../runtime/version.ts";
import { KEY_LIMIT_RANGES } from "../signing/key-ring/types.ts";
import { SHELLS } from "./help/completion-scripts.ts";
import { arrangeHelp, LISTENING_OPTIONS, STORE_OPTIONS } from "./help/help.ts";
import { collect, duration, numberIn, requestId, time, wholeNumber } from "./input/option-values.ts";
import {
  toCredentials,
  toServer,
  toSharedStore,
  toStore,
  toTools,
  withConfig,
  withRing,
} from "./input/shared-options.ts";
import type { ExitCode } from "./output/exit-code.ts";
import type { Terminal } from "./output/terminal.ts";

/** A command's module; loaded only when the command runs, so that `--help` and `--version` start at once. */
interface CommandModule<A extends unknown[]> {
  run(terminal: Terminal, ...args: A): Promise<ExitCode>;
}

/** The command line: what commands and options there are. `onExit` is told how a command ended. */
export function createProgram(terminal: Terminal, onExit: (code: ExitCode) => void): Command {
  const run =
    <A extends unknown[]>(load: () => Promise<CommandModule<A>>) =>
    async (...args: A): Promise<void> => {
      onExit(await (await load()).run(terminal, ...args));
    };

  const program = new Command("sealwire")
    .description("Signed tool calls over gRPC, and the jobs they start.")
    .version(VERSION)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.print(text.replace(/\n$/, "")),
      writeErr: () => {},
      getOutHelpWidth: () => terminal.dataColumns ?? PLAIN_HELP_COLUMNS,
    })
    .addHelpText("after", EPILOGUE);

  program
    .command("init")
    .argument("[dir]", "folder to make it in (default: the current one)")
    .description("make a project with a contract, two tools and a client, ready to be served")
    .action(run(() => import("./commands/init.ts")));

  toSharedStore(toTools(program.command("serve")))
    .description("run a server; prints one JSON line when it is ready, with --dev at a terminal what to do next")
    .option("--dev", "make the data folder with key ring, store and client.json on first use, and serve the demo tools")
    .option("--no-work", "take calls only and leave the jobs to other processes")
    .option("--no-reflection", "do not tell anonymous callers the contract")
    .option(
      "--drain-delay <duration>",
      "how long calls are still taken at shutdown while health says NOT_SERVING (default: 0s)",
      duration("0s", "24h"),
    )
    .optionsGroup(STORE_OPTIONS)
    .option("--data <dir>", "folder of key ring and store (default: .sealwire)")
    .option("--key-ring <file>", "key ring (default: key-ring.json in the data folder)")
    .option("--server-secret-file <file>", "server secrets of the key ring in the shared store")
    .optionsGroup(LISTENING_OPTIONS)
    .option("--listen <address>", "HOST:PORT or unix:PATH; port 0 picks a free one (default: 127.0.0.1:50051)")
    .option("--reuse-port", "share the port with further processes that say so, too; needs --store")
    .option("--tls-cert <file>", "certificate chain in PEM; read again when it changes")
    .option("--tls-key <file>", "its private key in PEM")
    .option("--tls-client-ca <file>", "ask callers for a certificate of this authority")
    .option("--insecure", "listen beyond loopback without TLS: everyone on the way can read along")
    .action(run(() => import("./commands/serve.ts")));

  toSharedStore(toTools(program.command("work")))
    .description("work the jobs of a shared store without taking calls; prints one JSON line when it is ready")
    .action(run(() => import("./commands/work.ts")));

  toServer(program.command("call").argument("<tool>", TOOL).argument("[json]", ARGUMENTS))
    .description("call a tool and print its result; waits for a job to end")
    .option("--watch", "wait for a job and show its progress (the default)")
    .addOption(new Option("--detach", "print a job as soon as it is accepted, and do not wait").conflicts("watch"))
    .option("--request-id <id>", "name of the intent: repeating it does nothing twice (default: a new UUID)", requestId)
    .option("--descriptors <file>", "descriptor image of the tool's contract (default: what the server signs)")
    .action(run(() => import("./commands/call.ts")));

  toServer(program.command("sign").argument("<tool>", TOOL).argument("[json]", ARGUMENTS))
    .description("sign a call and print it as ProtoJSON for `buf curl -d @-` or `grpcurl -d @`")
    .option("--request-id <id>", "name of the intent (default: a new UUID)", requestId)
    .addOption(
      new Option("--count <n>", "sign it so many times, each time anew, and print one a line (default: 1)")
        .argParser(wholeNumber(1, 1_000_000))
        .conflicts(["grpcurl", "explain"]),
    )
    .addOption(
      new Option("--binary", "print bytes instead, each request behind its length, for `ghz -B`").conflicts("grpcurl"),
    )
    .option(
      "--descriptors <file>",
      "descriptor image of the tool's contract (default: built in, else asked of the server)",
    )
    .option("--grpcurl", "print a complete grpcurl command instead")
    .option("--explain", "show on stderr how the signature comes about")
    .action(run(() => import("./commands/sign.ts")));

  withRing(program.command("verify").argument("[file]", "a signed request, as ProtoJSON or binary; - for stdin", "-"))
    .description("tell offline at which step a server would refuse a signed request")
    .option("--credentials <file>", "verify with a client's own keys instead of a key ring")
    .option("--server-id <id>", "the server to judge for (default: the one of the ring or the credentials)")
    .option("--descriptors <file>", "descriptor image of the tools' contracts")
    .option("--at <time>", "judge as of this UTC time, such as 2026-11-22T12:00:00Z (default: now)", time)
    .option("--json", "print one JSON object")
    .action(run(() => import("./commands/verify.ts")));

  toServer(program.command("tools").argument("[tool]", "one tool: its fields, rules, job policy and an example call"))
    .description("list the tools that you may call, or describe one")
    .option("--json", "print one JSON object")
    .action(run(() => import("./commands/tools.ts")));

  const jobs = program.command("jobs").description("see, follow and stop your jobs");
  toServer(jobs.command("list"))
    .description("list your jobs, newest first")
    .addOption(
      new Option("--state <state>", "only jobs in this state; may be repeated").choices(JOB_STATES).argParser(collect),
    )
    .option("--tool <tool>", "only jobs of this tool")
    .option("--limit <n>", "how many at most (default: 50)", wholeNumber(1, 1_000_000))
    .option("--json", "print one JSON object a line")
    .action(run(() => import("./commands/jobs/list.ts")));
  toServer(jobs.command("get").argument("<job-id>", "the job, as `jobs list` shows it"))
    .description("show a job and, once there is one, its result")
    .option("--json", "print one JSON object")
    .action(run(() => import("./commands/jobs/get.ts")));
  toServer(jobs.command("watch").argument("[job-id]", "the job, as `jobs list` shows it"))
    .description("follow a job to its end and print its result, or follow all of them")
    .option("--after-revision <n>", "leave out states up to this revision", wholeNumber(0))
    .option("--all", "follow all of your jobs, open and new ones, until Ctrl-C")
    .option("--tool <tool>", "with --all: only jobs of this tool")
    .option("--ended-since <time>", "with --all: also jobs that ended at this UTC time or later", time)
    .option("--json", "print each state as one JSON object a line")
    .action(run(() => import("./commands/jobs/watch.ts")));
  toServer(jobs.command("cancel").argument("<job-id>", "the job, as `jobs list` shows it"))
    .description("ask a job to stop")
    .option("--json", "print one JSON object")
    .action(run(() => import("./commands/jobs/cancel.ts")));

  const keys = program.command("keys").description("manage the keys in a server's key ring");
  toCredentials(withRing(keys.command("add").argument("<client-id>", "name of the client that gets the key")))
    .description("make a key for a client; makes the key ring, too, if there is none")
    .option("--tools <patterns>", 'tools it may call, such as "batch_*,resize" or "*"; may be repeated', collect)
    .option("--server-id <id>", "name of the server, where the key ring is yet to be made")
    .option("--not-before <time>", "works from this UTC time on", time)
    .option("--not-after <time>", "works until this UTC time", time)
    .option("--calls-per-second <n>", "calls in the long run (default: 100)", numberIn(KEY_LIMIT_RANGES.callsPerSecond))
    .option("--burst <n>", "calls at once after a pause (default: 200)", numberIn(KEY_LIMIT_RANGES.burst))
    .option("--calls-in-flight <n>", "calls at a time (default: 64)", numberIn(KEY_LIMIT_RANGES.callsInFlight))
    .option("--open-jobs <n>", "jobs that have not ended (default: 1000)", numberIn(KEY_LIMIT_RANGES.openJobs))
    .option("--open-watches <n>", "watches at a time (default: 100)", numberIn(KEY_LIMIT_RANGES.openWatches))
    .option("--import <file>", "take over the request and response key of this credentials file")
    .action(run(() => import("./commands/keys/add.ts")));
  withRing(keys.command("list"))
    .description("list the keys and when each was last used")
    .option("--json", "print one JSON object a line")
    .action(run(() => import("./commands/keys/list.ts")));
  toCredentials(withRing(keys.command("rotate").argument("<client-id>", "name of the client that gets the key")))
    .description("make a client's next key; the ones before are retiring and still work")
    .option(
      "--grace <duration>",
      "end the old keys after this time, such as 7d (default: when they are revoked)",
      duration("0s", GRACE_MOST),
    )
    .action(run(() => import("./commands/keys/rotate.ts")));
  withRing(keys.command("retire").argument("<key-id>", "the key, as `keys list` shows it"))
    .description("mark a key as retiring; it still works")
    .option(
      "--grace <duration>",
      "end it after this time, such as 7d (default: when it is revoked)",
      duration("0s", GRACE_MOST),
    )
    .action(run(() => import("./commands/keys/retire.ts")));
  withRing(keys.command("revoke").argument("<key-id>", "the key, as `keys list` shows it"))
    .description("end a key for good, within seconds on running servers")
    .action(run(() => import("./commands/keys/revoke.ts")));
  withRing(keys.command("rotate-server"))
    .description("add a server secret, from which keys are made from then on")
    .action(run(() => import("./commands/keys/rotate-server.ts")));

  const store = program.command("store").description("look after a server's store of jobs");
  withConfig(store.command("backup").argument("<file>", "a new file, mode 0600"))
    .description("copy the store in a data folder as it is now, also while a server uses it")
    .option("--data <dir>", "the server's data folder (default: .sealwire)")
    .action(run(() => import("./commands/store/backup.ts")));
  withConfig(toStore(store.command("migrate")))
    .description("make or upgrade the tables of a store, before servers of this version start")
    .option("--data <dir>", "a server's data folder, in place of a shared store (default: .sealwire)")
    .option("--check", "change nothing; exit 0 if the store is up to date, 1 if a migration is due, 5 if it is too new")
    .action(run(() => import("./commands/store/migrate.ts")));

  withConfig(toStore(store.command("repair-clock")))
    .description("accept frames again where a clock that stood ahead left a store refusing them; stop the server first")
    .option("--data <dir>", "a server's data folder, in place of a shared store (default: .sealwire)")
    .action(run(() => import("./commands/store/repair-clock.ts")));

  toServer(program.command("health").argument("[service]", "full name of a service (default: the server as a whole)"))
    .description("ask whether the server is serving (unsigned, as load balancers do)")
    .option("--json", "print one JSON object")
    .action(run(() => import("./commands/health.ts")));

  program
    .command("completion")
    .addArgument(new Argument("<shell>", "the shell that the script is for").choices(SHELLS))
    .description("print a script that completes commands, options and their values in a shell")
    .action(run(() => import("./commands/completion.ts")));
  // What the script calls.
  program
    .command("complete", { hidden: true })
    .argument("[words...]", "the words of a command line, the last of which is completed")
    .description("print what the last word may become")
    .action((words: readonly string[]) => run(() => import("./commands/complete.ts"))(program, words));

  arrangeHelp(program);
  return program;
}

const TOOL = "the tool, as `sealwire tools` shows it";
const ARGUMENTS = "arguments: JSON, @FILE, or - for stdin";

/** Where help goes to no screen. */
const PLAIN_HELP_COLUMNS = 100;

/** A century: what lies beyond it is a slip. */
const GRACE_MOST = "36500d";

const EPILOGUE = `
Exit codes: 0 done, 1 the tool or job failed, 2 bad usage or arguments, 3 refused, 4 unreachable, 5 unusable store, 130 Ctrl-C.
Environment: SEALWIRE_ADDRESS, SEALWIRE_CREDENTIALS, SEALWIRE_STORE, NO_COLOR; SEALWIRE_DEBUG=1 shows where an error comes from.`;
