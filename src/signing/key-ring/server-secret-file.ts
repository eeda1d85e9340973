import { readPrivateFile } from "../../files/private-file.ts";
import { createPrivateFile, replacePrivateFile } from "../../files/private-file-write.ts";
import type { Random } from "../../runtime/random.ts";
import { formatServerSecrets, keyRingError, parseServerSecrets, type ServerSecret } from "./document.ts";

/** The server secrets that were loaded from a server secret file. */
export interface LoadedSecrets {
  readonly secrets: readonly ServerSecret[];
  /** Changes with every change of the file. */
  readonly version: string;
}

/** Reads a server secret file. Throws KEY_RING_INVALID, also if users other than its owner can read it. */
export async function loadServerSecrets(path: string): Promise<LoadedSecrets> {
  const { bytes, version } = await readPrivateFile({ path, what: "server secret file", reason: "KEY_RING_INVALID" });
  try {
    const secrets = parseServerSecrets(bytes);
    if (secrets.length === 0) throw keyRingError(`${path} holds no server secret`);
    return { secrets, version };
  } finally {
    bytes.fill(0);
  }
}

/** Creates a server secret file with mode 0600. Throws OPTIONS_INVALID if the file exists. */
export async function createServerSecrets(path: string, secrets: readonly ServerSecret[]): Promise<void> {
  await createPrivateFile(path, formatServerSecrets(secrets));
}

/** Replaces the server secrets in a file atomically. */
export async function replaceServerSecrets(
  path: string,
  secrets: readonly ServerSecret[],
  random: Random,
): Promise<void> {
  await replacePrivateFile(path, formatServerSecrets(secrets), random);
}
