import { SealwireError } from "../errors.ts";
import { credentialsOf, formatCredentials, writeCredentials } from "../signing/key-ring/credentials.ts";
import type { KeyRingDocument } from "../signing/key-ring/document.ts";
import { formatTime } from "../signing/key-ring/json-fields.ts";
import { buildKeyRing } from "../signing/key-ring/key-ring.ts";
import { fileExists } from "./file-exists.ts";
import type { Terminal } from "./terminal.ts";

/** Where new credentials go. */
export interface CredentialsOutput {
  readonly out?: string;
  readonly print?: boolean;
  readonly address?: string;
}

const DEFAULT_ADDRESS = "127.0.0.1:50051";

/** Sees to it that credentials have a place to go before anything is changed. Throws OPTIONS_INVALID. */
export async function checkCredentialsOutput({ out, print }: CredentialsOutput): Promise<void> {
  if (print) return;
  if (out === undefined) {
    throw new SealwireError(
      "OPTIONS_INVALID",
      "The credentials need a place.\nGive --out FILE, or --print for stdout.",
    );
  }
  if (await fileExists(out))
    throw new SealwireError("OPTIONS_INVALID", `${out} exists and is not overwritten.\nName another file.`);
}

/** Hands the credentials of a new key over: to a file, with the key's id on stdout, or all of it to stdout. */
export async function handOverCredentials(
  terminal: Terminal,
  { document, keyId }: { readonly document: KeyRingDocument; readonly keyId: string },
  { out, address }: CredentialsOutput,
): Promise<void> {
  const key = buildKeyRing(document).find(keyId);
  if (key === undefined) throw new Error(`key ${keyId} was made and is not there`);
  const server = { serverId: document.serverId, address: address ?? terminal.env.SEALWIRE_ADDRESS ?? DEFAULT_ADDRESS };
  const credentials = credentialsOf(key, server);
  if (out === undefined) {
    terminal.print(formatCredentials(credentials).trimEnd());
    return;
  }
  await writeCredentials(out, credentials);
  terminal.print(keyId);
  if (key.notBeforeMs !== undefined) terminal.say(`Key ${keyId} works from ${formatTime(key.notBeforeMs)} on.`);
  terminal.say(
    `Key ${keyId} of client ${key.clientId}: credentials in ${out}. Hand them over by a safe way and delete them here.`,
  );
}
