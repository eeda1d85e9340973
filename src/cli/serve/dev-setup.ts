import { rm } from "node:fs/promises";
import { SealwireError } from "../../errors.ts";
import { fileExists } from "../../files/file-exists.ts";
import { systemClock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import { systemRandom } from "../../runtime/random.ts";
import { addKey, newKeyRing } from "../../signing/key-ring/changes.ts";
import {
  type ClientCredentials,
  readCredentials,
  replaceCredentials,
  writeCredentials,
} from "../../signing/key-ring/credentials.ts";
import { createRingFile, editRingFile, loadRingFile } from "../../signing/key-ring/ring-file.ts";
import type { KeyRing } from "../../signing/key-ring/types.ts";
import { parseAddresses } from "../../wire/server-address.ts";
import { newCredentials } from "../output/new-credentials.ts";

const SERVER_ID = "sealwire-dev";
const CLIENT_ID = "dev";

/** Creates a key ring if there is none. */
export async function ensureDevRing(ringPath: string, logger: Logger): Promise<void> {
  if (await fileExists(ringPath)) return;
  const nowMs = systemClock.nowMs();
  await createRingFile(ringPath, newKeyRing(SERVER_ID, { nowMs, random: systemRandom }));
  logger.info({ path: ringPath, server_id: SERVER_ID }, "key ring created");
}

/** Options of {@link checkDevClient}. */
export interface DevClientCheck {
  /** Path of the credentials file. */
  readonly path: string;
  readonly ringPath: string;
  /** `undefined` if there is no key ring yet. */
  readonly ring: KeyRing | undefined;
  /** Address on which the server listens. */
  readonly listening: string;
}

/**
 * Checks that `client.json`, if it exists, belongs to the ring and can contain the server's address. Resolves to the
 * credentials. Throws OPTIONS_INVALID.
 */
export async function checkDevClient(check: DevClientCheck): Promise<ClientCredentials | undefined> {
  const { path, ringPath, ring, listening } = check;
  // Before the start the port may be 0, which is replaced by the chosen port later.
  const address = callable(listening).replace(/:0+$/, ":1");
  if (parseAddresses(address).length > 1) {
    const toDo = "Give --listen an address without one.";
    throw new SealwireError(
      "OPTIONS_INVALID",
      `${address} holds a comma, which separates servers in ${path}.\n${toDo}`,
    );
  }
  if (!(await fileExists(path))) return undefined;
  const credentials = await readCredentials(path);
  if (ring?.find(credentials.keyId) === undefined || ring.serverId !== credentials.serverId) {
    const problem = `${path} does not belong to the key ring ${ringPath}.`;
    throw new SealwireError("OPTIONS_INVALID", `${problem}\nMove it away; a new one is made at the next start.`);
  }
  return credentials;
}

/** Options of {@link ensureDevClient}. */
export interface DevClientOptions extends Omit<DevClientCheck, "ring"> {
  readonly logger: Logger;
}

/** Ensures that `client.json` exists, with a key for all tools and the address on which the server listens. */
export async function ensureDevClient({ logger, ...where }: DevClientOptions): Promise<void> {
  const { path, ringPath, listening } = where;
  const address = callable(listening);
  const { ring } = await loadRingFile(ringPath);
  const credentials = await checkDevClient({ ...where, ring });
  if (credentials !== undefined) {
    if (credentials.address !== address) await replaceCredentials(path, { ...credentials, address }, systemRandom);
    return;
  }
  const context = { nowMs: systemClock.nowMs(), random: systemRandom };
  let isWritten = false;
  try {
    await editRingFile({ path: ringPath, clock: systemClock, random: systemRandom }, async (before) => {
      const { document, keyId } = addKey(before, { clientId: CLIENT_ID, tools: ["*"] }, context);
      await writeCredentials(path, newCredentials(document, keyId, address).credentials);
      isWritten = true;
      logger.info({ path, key_id: keyId, client_id: CLIENT_ID }, "credentials made");
      return document;
    });
  } catch (thrown) {
    // Credentials whose key is not in the ring would prevent the next start.
    if (isWritten) await rm(path, { force: true });
    throw thrown;
  }
}

/** Converts a listening address to one that clients can call. */
function callable(address: string): string {
  return address.replace(/^0\.0\.0\.0:/, "127.0.0.1:").replace(/^\[::\]:/, "[::1]:");
}
