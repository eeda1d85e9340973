import { readPrivateFile } from "../../files/private-file.ts";
import { createPrivateFile, replacePrivateFile } from "../../files/private-file-write.ts";
import type { Random } from "../../runtime/random.ts";
import { formatServerSecrets, keyRingError, parseServerSecrets, type ServerSecret } from "./document.ts";

/** The server secrets of a ring whose other parts are kept elsewhere. */
export interface LoadedSecrets {
  readonly secrets: readonly ServerSecret[];
  /** Differs after every change of the file. */
  readonly version: string;
}

/** Reads a file of server secrets. Throws KEY_RING_INVALID, also if others than its owner can read it. */
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

/** Makes a new file of server secrets, mode 0600. Throws OPTIONS_INVALID if there is a file already. */
export async function createServerSecrets(path: string, secrets: readonly ServerSecret[]): Promise<void> {
  await createPrivateFile(path, formatServerSecrets(secrets));
}

/** Puts other server secrets in the place of those in the file. */
export async function replaceServerSecrets(
  path: string,
  secrets: readonly ServerSecret[],
  random: Random,
): Promise<void> {
  await replacePrivateFile(path, formatServerSecrets(secrets), random);
}
