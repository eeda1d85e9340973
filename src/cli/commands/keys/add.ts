import { SealwireError } from "../../../errors.ts";
import { systemClock } from "../../../runtime/clock.ts";
import { systemRandom } from "../../../runtime/random.ts";
import { addKey, newKeyRing } from "../../../signing/key-ring/changes.ts";
import { readCredentials } from "../../../signing/key-ring/credentials.ts";
import type { KeyLimits, KeyRole } from "../../../signing/key-ring/types.ts";
import { type KeyRingAccess, newKeyWorksFrom, openKeyRing, type RingChange } from "../../input/key-ring-access.ts";
import type { LocationOptions } from "../../input/location.ts";
import { type CredentialsOutput, checkCredentialsOutput, makeKey } from "../../output/credentials-output.ts";
import { ExitCode } from "../../output/exit-code.ts";
import type { Terminal } from "../../output/terminal.ts";

interface AddOptions extends LocationOptions, CredentialsOutput, Partial<KeyLimits> {
  readonly tools?: readonly string[];
  readonly role?: KeyRole;
  readonly serverId?: string;
  readonly notBefore?: number;
  readonly notAfter?: number;
  readonly import?: string;
}

/** Adds a key for a client. */
export async function run(terminal: Terminal, clientId: string, options: AddOptions): Promise<ExitCode> {
  await checkCredentialsOutput(options);
  const { address: _, ...given } = options;
  const { role, tools = role && [], notBefore, notAfter } = options;
  if (tools === undefined) {
    throw new SealwireError(
      "OPTIONS_INVALID",
      'The key needs an allow-list.\nGive --tools "batch_*", or --tools "*" for every tool.',
    );
  }
  const key = {
    clientId,
    tools,
    ...(role !== undefined && { role }),
    limits: limitsOf(options),
    ...(notBefore !== undefined && { notBeforeMs: notBefore }),
    ...(notAfter !== undefined && { notAfterMs: notAfter }),
    ...(options.import !== undefined && { imported: await readCredentials(options.import) }),
  };
  await using access = await openKeyRing(options, { env: terminal.env, secrets: true });
  const context = { nowMs: systemClock.nowMs(), random: systemRandom };
  const isNew = !(await access.exists());
  await makeKey(terminal, {
    output: options,
    given: { ...given, clientId },
    apply: (change) => (isNew ? create(access, options.serverId, change) : edit(access, options.serverId, change)),
    add: (document) => addKey(document, { ...newKeyWorksFrom(access, context.nowMs), ...key }, context),
  });
  if (isNew) terminal.say(`Made the key ring ${access.name} for server ${options.serverId}.`);
  return ExitCode.done;
}

/** Creates the key ring with its first key. */
async function create(access: KeyRingAccess, serverId: string | undefined, change: RingChange): Promise<void> {
  if (serverId === undefined) {
    const toDo = "Give --server-id NAME to make one for the server of that name, or name the right one.";
    throw new SealwireError("OPTIONS_INVALID", `There is no key ring ${access.name} yet.\n${toDo}`);
  }
  await access.create(newKeyRing(serverId, { nowMs: systemClock.nowMs(), random: systemRandom }), change);
}

async function edit(access: KeyRingAccess, serverId: string | undefined, change: RingChange): Promise<void> {
  await access.edit((document) => {
    if (serverId === undefined || serverId === document.serverId) return change(document);
    const problem = `--server-id ${JSON.stringify(serverId)} is not the server of the key ring ${access.name}`;
    throw new SealwireError(
      "OPTIONS_INVALID",
      `${problem}: that is ${document.serverId}.\nLeave --server-id out, or name another key ring.`,
    );
  });
}

function limitsOf({ callsPerSecond, burst, callsInFlight, openJobs, openWatches }: AddOptions): Partial<KeyLimits> {
  return {
    ...(callsPerSecond !== undefined && { callsPerSecond }),
    ...(burst !== undefined && { burst }),
    ...(callsInFlight !== undefined && { callsInFlight }),
    ...(openJobs !== undefined && { openJobs }),
    ...(openWatches !== undefined && { openWatches }),
  };
}
