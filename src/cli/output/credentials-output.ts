import { rm } from "node:fs/promises";
import { SealwireError } from "../../errors.ts";
import { fileExists } from "../../files/file-exists.ts";
import { formatTime } from "../../files/json-fields.ts";
import type { AddedKey } from "../../signing/key-ring/changes.ts";
import { formatCredentials, writeCredentials } from "../../signing/key-ring/credentials.ts";
import { formatKeyRing, type KeyRingDocument } from "../../signing/key-ring/document.ts";
import type { VerificationKey } from "../../signing/key-ring/types.ts";
import { mayHaveCommitted, type RingChange } from "../input/key-ring-access.ts";
import { changeRing, type GivenOptions } from "../input/option-at-fault.ts";
import { newCredentials } from "./new-credentials.ts";
import type { Terminal } from "./terminal.ts";

/** The destination of new credentials. */
export interface CredentialsOutput {
  readonly out?: string;
  readonly print?: boolean;
  readonly address?: string;
}

const DEFAULT_ADDRESS = "127.0.0.1:50051";

/** Checks the destination of new credentials before a change. Throws OPTIONS_INVALID. */
export async function checkCredentialsOutput({ out, print }: CredentialsOutput): Promise<void> {
  if (print) return;
  if (out === undefined) {
    throw new SealwireError(
      "OPTIONS_INVALID",
      "No destination for the credentials.\nGive --out FILE, or --print for stdout.",
    );
  }
  if (await fileExists(out))
    throw new SealwireError("OPTIONS_INVALID", `${out} exists and is not overwritten.\nName another file.`);
}

/** The task of {@link makeKey}. */
export interface NewKeyTask {
  readonly output: CredentialsOutput;
  readonly given: GivenOptions;
  /** Applies a change, which makes the new key, to the ring. */
  readonly apply: (change: RingChange) => Promise<unknown>;
  readonly add: (document: KeyRingDocument) => AddedKey;
}

/**
 * Makes a key and writes its credentials to a file, with the key's id on stdout, or to stdout. The file is written
 * before the key is added, and removed if adding fails, so that neither exists without the other. Throws
 * OPTIONS_INVALID naming an invalid option.
 */
export async function makeKey(terminal: Terminal, { output, given, apply, add }: NewKeyTask): Promise<void> {
  const { out } = output;
  const address = addressOf(terminal, output);
  let made: { readonly key: VerificationKey; readonly text: string } | undefined;
  const change = async (before: KeyRingDocument): Promise<KeyRingDocument> => {
    const { document, keyId } = add(before);
    const { key, credentials } = newCredentials(document, keyId, address.value);
    const text = formatCredentials(credentials);
    formatKeyRing(document);
    if (out !== undefined) {
      // The change may run again after a conflict in the database.
      if (made !== undefined) await rm(out, { force: true });
      made = undefined;
      await writeCredentials(out, credentials).catch((cause) => throwCannotWrite(out, cause));
    }
    made = { key, text };
    return document;
  };
  try {
    await changeRing(apply, change, { ...given, address });
  } catch (thrown) {
    if (made !== undefined && out !== undefined) await takeAway(terminal, out, thrown);
    throw thrown;
  }
  if (made !== undefined) report(terminal, made, out);
}

function report(
  terminal: Terminal,
  { key, text }: { readonly key: VerificationKey; readonly text: string },
  out: string | undefined,
): void {
  if (out === undefined) {
    terminal.print(text.trimEnd());
    return;
  }
  const { keyId, clientId, notBeforeMs } = key;
  terminal.print(keyId);
  if (notBeforeMs !== undefined) terminal.say(`Key ${keyId} works from ${formatTime(notBeforeMs)} on.`);
  terminal.say(
    `Key ${keyId} of client ${clientId}: credentials in ${out}. Transfer the file securely and delete it here.`,
  );
}

async function takeAway(terminal: Terminal, out: string, thrown: unknown): Promise<void> {
  if (mayHaveCommitted(thrown))
    terminal.say(`It is unknown whether the key in ${out} was added; sealwire keys list shows it if so.`);
  else await rm(out, { force: true });
}

function addressOf(terminal: Terminal, { address }: CredentialsOutput): { from: string; value: string } {
  if (address !== undefined) return { from: "--address", value: address };
  const named = terminal.env.SEALWIRE_ADDRESS;
  return named ? { from: "SEALWIRE_ADDRESS", value: named } : { from: "The address", value: DEFAULT_ADDRESS };
}

function throwCannotWrite(out: string, cause: unknown): never {
  if (cause instanceof SealwireError) throw cause;
  const problem = (cause as NodeJS.ErrnoException).code ?? String(cause);
  const message = `--out ${out} cannot be written (${problem}).\nName a file in a folder that you may write to.`;
  throw new SealwireError("OPTIONS_INVALID", message, { cause });
}
