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

/** Makes a key ring unless there is one. */
export async function ensureDevRing(ringPath: string, logger: Logger): Promise<void> {
  if (await fileExists(ringPath)) return;
  const nowMs = systemClock.nowMs();
  await createRingFile(ringPath, newKeyRing(SERVER_ID, { nowMs, random: systemRandom }));
  logger.info({ path: ringPath, server_id: SERVER_ID }, "key ring made");
}

/** What {@link checkDevClient} looks at. */
export interface DevClientCheck {
  /** Where the credentials stand. */
  readonly path: string;
  readonly ringPath: string;
  /** `undefined` if there is none yet. */
  readonly ring: KeyRing | undefined;
  /** Where the server listens. */
  readonly listening: string;
}

/**
 * Sees whether `client.json`, if there is one, belongs to the ring, and whether it can name the server's address. Gives the
 * credentials. Throws OPTIONS_INVALID.
 */
export async function checkDevClient(check: DevClientCheck): Promise<ClientCredentials | undefined> {
  const { path, ringPath, ring, listening } = check;
  // Before the start a 0 may stand for a port that is not known yet.
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

/** What {@link ensureDevClient} works on. */
export interface DevClientOptions extends Omit<DevClientCheck, "ring"> {
  readonly logger: Logger;
}

/** Sees to it that `client.json` is there, with a key for every tool, and names the address where the server listens. */
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
    // Credentials whose key is not in the ring would stop the next start.
    if (isWritten) await rm(path, { force: true });
    throw thrown;
  }
}

/** An address to listen on is not always one to call. */
function callable(address: string): string {
  return address.replace(/^0\.0\.0\.0:/, "127.0.0.1:").replace(/^\[::\]:/, "[::1]:");
}
