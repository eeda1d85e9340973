import { SealwireError } from "../errors.ts";
import { systemClock } from "../runtime/clock.ts";
import type { Logger } from "../runtime/logger.ts";
import { systemRandom } from "../runtime/random.ts";
import { addKey, newKeyRing } from "../signing/key-ring/changes.ts";
import {
  credentialsOf,
  formatCredentials,
  readCredentials,
  writeCredentials,
} from "../signing/key-ring/credentials.ts";
import { buildKeyRing } from "../signing/key-ring/key-ring.ts";
import { replacePrivateFile } from "../signing/key-ring/private-file-write.ts";
import { createRingFile, editRingFile, loadRingFile } from "../signing/key-ring/ring-file.ts";
import { fileExists } from "./file-exists.ts";

const SERVER_ID = "sealwire-dev";
const CLIENT_ID = "dev";

/** Makes a key ring unless there is one. */
export async function ensureDevRing(ringPath: string, logger: Logger): Promise<void> {
  if (await fileExists(ringPath)) return;
  const nowMs = systemClock.nowMs();
  await createRingFile(ringPath, newKeyRing(SERVER_ID, { nowMs, random: systemRandom }));
  logger.info({ path: ringPath, server_id: SERVER_ID }, "key ring made");
}

/** What {@link ensureDevClient} works on. */
export interface DevClientOptions {
  /** Where the credentials stand. */
  readonly path: string;
  readonly ringPath: string;
  /** Where the server listens. */
  readonly listening: string;
  readonly logger: Logger;
}

/** Sees to it that `client.json` is there, with a key for every tool, and names the address where the server listens. */
export async function ensureDevClient({ path, ringPath, listening, logger }: DevClientOptions): Promise<void> {
  const address = callable(listening);
  if (await fileExists(path)) {
    const credentials = await readCredentials(path);
    const { ring } = await loadRingFile(ringPath);
    if (ring.find(credentials.keyId) === undefined || ring.serverId !== credentials.serverId) {
      const problem = `${path} does not belong to the key ring ${ringPath}.`;
      throw new SealwireError("OPTIONS_INVALID", `${problem}\nMove it away; a new one is made at the next start.`);
    }
    if (credentials.address === address) return;
    await replacePrivateFile(path, formatCredentials({ ...credentials, address }), systemRandom);
    return;
  }
  const context = { nowMs: systemClock.nowMs(), random: systemRandom };
  let keyId = "";
  const document = await editRingFile({ path: ringPath, clock: systemClock, random: systemRandom }, (before) => {
    const added = addKey(before, { clientId: CLIENT_ID, tools: ["*"] }, context);
    keyId = added.keyId;
    return added.document;
  });
  const ring = buildKeyRing(document);
  const key = ring.find(keyId);
  if (key === undefined) throw new Error(`key ${keyId} was made and is not there`);
  await writeCredentials(path, credentialsOf(key, { serverId: ring.serverId, address }));
  logger.info({ path, key_id: keyId, client_id: CLIENT_ID }, "credentials made");
}

/** An address to listen on is not always one to call. */
function callable(address: string): string {
  return address.replace(/^0\.0\.0\.0:/, "127.0.0.1:").replace(/^\[::\]:/, "[::1]:");
}
