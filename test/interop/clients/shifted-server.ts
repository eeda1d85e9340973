import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../../src/runtime/clock.ts";
import { writeCredentials } from "../../../src/signing/key-ring/credentials.ts";
import { startServer } from "../../support/running-server.ts";

/** A server in this process, and the path of a credentials file for it. */
export interface ShiftedServer extends AsyncDisposable {
  readonly credentials: string;
}

/** Starts a server with the demo tools whose clock is ahead of this machine's. */
export async function shiftedServer(aheadMs: number): Promise<ShiftedServer> {
  const folder = await mkdtemp(join(tmpdir(), "sealwire-shifted-"));
  const server = await startServer({ clock: { ...systemClock, nowMs: () => systemClock.nowMs() + aheadMs } });
  const credentials = join(folder, "client.json");
  await writeCredentials(credentials, server.credentials());
  return {
    credentials,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    },
  };
}
