import { rm } from "node:fs/promises";
import { readCredentials } from "../../src/signing/key-ring/credentials.ts";
import { RawClient, type RawRequest, signRaw } from "../support/raw-client.ts";
import { assert } from "../support/suite.ts";
import type { CliServer } from "./cli-process.ts";

/** The store that `serve --dev` makes. */
export const STORE = ".sealwire/sealwire.db";
const IDENTITY: RawRequest = { tool: "server_identity", type: "sealwire.system.v1.ServerIdentityRequest" };

/** Signs a frame that the server accepts; gives what it says to the frame when it is sent again. */
export async function acceptedFrame(server: CliServer): Promise<(later: CliServer) => Promise<string | undefined>> {
  const credentials = await readCredentials(".sealwire/client.json");
  const frame = signRaw(credentials, IDENTITY);
  const send = async ({ ready }: CliServer) => {
    using client = new RawClient(ready.listening, credentials);
    return await client.send(frame);
  };
  const { code, details } = await send(server);
  assert.is(code, 0, details);
  return async (later) => (await send(later)).reason;
}

/** Ends a server by a signal. */
export async function stop(server: CliServer, signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
  server.process.child.kill(signal);
  await server.process.ended;
}

/** Deletes the store in the data folder. */
export async function removeStore(): Promise<void> {
  for (const suffix of ["", "-wal", "-shm"]) await rm(STORE + suffix, { force: true });
}
