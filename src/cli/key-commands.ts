import { type Command, Option } from "commander";
import { KEY_LIMIT_RANGES, KEY_ROLES } from "../signing/key-ring/types.ts";
import { collect, duration, numberIn, time } from "./input/option-values.ts";
import { toCredentials, withRing } from "./input/shared-options.ts";
import type { RunCommand } from "./run-command.ts";

/** A century. A longer value is probably a mistake. */
const GRACE_MOST = "36500d";

/** Adds `keys` with its subcommands. */
export function addKeyCommands(program: Command, run: RunCommand): void {
  const keys = program.command("keys").description("manage the keys in a server's key ring");
  toCredentials(withRing(keys.command("add").argument("<client-id>", "id of the client")))
    .description("add a key for a client; creates the key ring if there is none")
    .option("--tools <patterns>", 'tools it may call, such as "batch_*,resize" or "*"; may be repeated', collect)
    .addOption(
      new Option(
        "--role <role>",
        "let the key see and operate the server by `ops`; without --tools it calls no other tool",
      ).choices(KEY_ROLES),
    )
    .option("--server-id <id>", "id of the server, to create the key ring")
    .option("--not-before <time>", "valid from this UTC time on", time)
    .option("--not-after <time>", "valid until this UTC time", time)
    .option(
      "--calls-per-second <n>",
      "sustained calls per second (default: 100)",
      numberIn(KEY_LIMIT_RANGES.callsPerSecond),
    )
    .option("--burst <n>", "burst of calls after a pause (default: 200)", numberIn(KEY_LIMIT_RANGES.burst))
    .option("--calls-in-flight <n>", "concurrent calls (default: 64)", numberIn(KEY_LIMIT_RANGES.callsInFlight))
    .option("--open-jobs <n>", "queued and running jobs (default: 1000)", numberIn(KEY_LIMIT_RANGES.openJobs))
    .option("--open-watches <n>", "concurrent watches (default: 100)", numberIn(KEY_LIMIT_RANGES.openWatches))
    .option("--import <file>", "import the request and response key of this credentials file")
    .action(run(() => import("./commands/keys/add.ts")));
  withRing(keys.command("list"))
    .description("list the keys and when each was last used")
    .option("--json", "print one JSON object per line")
    .action(run(() => import("./commands/keys/list.ts")));
  toCredentials(withRing(keys.command("rotate").argument("<client-id>", "id of the client")))
    .description("add a new key for a client and retire its old keys, which remain valid")
    .option(
      "--grace <duration>",
      "end the old keys after this time, such as 7d (default: when they are revoked)",
      duration("0s", GRACE_MOST),
    )
    .action(run(() => import("./commands/keys/rotate.ts")));
  withRing(keys.command("retire").argument("<key-id>", "the key, as `keys list` shows it"))
    .description("mark a key as retiring; it remains valid")
    .option(
      "--grace <duration>",
      "end it after this time, such as 7d (default: when it is revoked)",
      duration("0s", GRACE_MOST),
    )
    .action(run(() => import("./commands/keys/retire.ts")));
  withRing(keys.command("revoke").argument("<key-id>", "the key, as `keys list` shows it"))
    .description("revoke a key permanently; running servers refuse it within seconds")
    .action(run(() => import("./commands/keys/revoke.ts")));
  withRing(keys.command("rotate-server"))
    .description("add a server secret, from which new keys are derived")
    .action(run(() => import("./commands/keys/rotate-server.ts")));
}
