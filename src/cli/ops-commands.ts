import { type Command, Option } from "commander";
import { JOB_STATES } from "../jobs/job.ts";
import { OPEN_STATES } from "../jobs/transitions.ts";
import { collect, duration, filterText, time, wholeNumber } from "./input/option-values.ts";
import { toServer } from "./input/shared-options.ts";
import type { RunCommand } from "./run-command.ts";

const LIMIT_MOST = 1_000_000;

/** Adds `ops` with its subcommands. */
export function addOpsCommands(program: Command, run: RunCommand): void {
  const ops = program.command("ops").description("see and operate a whole server, with a key that has a role");
  toSelection(ops.command("jobs"), JOB_STATES)
    .description("list the jobs of all clients, newest first")
    .option("--limit <n>", "maximum number of jobs (default: 50)", wholeNumber(1, LIMIT_MOST))
    .option("--json", "print one JSON object per line")
    .action(run(() => import("./commands/ops/jobs.ts")));
  toServer(ops.command("job").argument("<job-id>", "the job, as `ops jobs` shows it"))
    .description("show a job of any client with its attempts")
    .option("--payloads", "show its arguments or result, too; needs a server with --operator-payloads")
    .option("--json", "print one JSON object")
    .action(run(() => import("./commands/ops/job.ts")));
  toSelection(ops.command("cancel").argument("[job-id]", "the job, as `ops jobs` shows it"), OPEN_STATES)
    .description("cancel a job of any client, or all that the options select")
    .option("--limit <n>", "maximum number of jobs, the newest (default: 1000)", wholeNumber(1, LIMIT_MOST))
    .addOption(new Option("--dry-run", "list the selected jobs, and cancel none").conflicts("yes"))
    .option("--yes", "cancel the selected jobs")
    .option("--json", "print one JSON object for each job")
    .action(run(() => import("./commands/ops/cancel.ts")));
  toServer(ops.command("instances"))
    .description("list the processes that use the store")
    .option("--json", "print one JSON object per line")
    .action(run(() => import("./commands/ops/instances.ts")));
  toServer(ops.command("keys"))
    .description("list the keys in force at the server, and when each was last used")
    .option("--client <client-id>", "only keys of this client", filterText)
    .option("--limit <n>", "maximum number of keys (default: 1000)", wholeNumber(1, LIMIT_MOST))
    .option("--json", "print one JSON object per line")
    .action(run(() => import("./commands/ops/keys.ts")));
  toServer(ops.command("retire").argument("<key-id>", "the key, as `ops keys` shows it"))
    .description("mark a key as retiring; it remains valid")
    .option(
      "--grace <duration>",
      "end it after this time, such as 7d (default: when it is revoked)",
      duration("0s", "36500d"),
    )
    .action(run(() => import("./commands/ops/retire.ts")));
  toServer(ops.command("revoke").argument("<key-id>", "the key, as `ops keys` shows it"))
    .description("revoke a key permanently")
    .action(run(() => import("./commands/ops/revoke.ts")));
  toServer(ops.command("stats"))
    .description("show the calls of the server that answers, and the jobs in its store")
    .option("--json", "print one JSON object")
    .action(run(() => import("./commands/ops/stats.ts")));
  toServer(ops.command("audit"))
    .description("read the audit log of the server that answers, newest lines first")
    .option("--client <client-id>", "only lines of this client", filterText)
    .option("--key <key-id>", "only what this key did, and how it was changed", filterText)
    .option("--job <job-id>", "only lines of this job", filterText)
    .option("--action <action>", "only lines of this action", filterText)
    .option("--outcome <outcome>", "only lines with this outcome", filterText)
    .option("--reason <reason>", "only lines with this reason, such as SIGNATURE_INVALID", filterText)
    .option("--since <time>", "only lines of this UTC time or later", time)
    .option("--limit <n>", "maximum number of lines (default: 50)", wholeNumber(1, LIMIT_MOST))
    .option("--json", "print one JSON object per line")
    .action(run(() => import("./commands/ops/audit.ts")));
}

/** Adds the options that select jobs of all clients. */
function toSelection(command: Command, states: readonly string[]): Command {
  return toServer(command)
    .addOption(
      new Option("--state <state>", "only jobs in this state; may be repeated").choices(states).argParser(collect),
    )
    .option("--tool <tool>", "only jobs of this tool", filterText)
    .option("--client <client-id>", "only jobs of this client", filterText)
    .option("--since <time>", "only jobs accepted at this UTC time or later", time)
    .option("--before <time>", "only jobs accepted before this UTC time", time);
}
