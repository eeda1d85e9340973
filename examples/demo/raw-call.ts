import { Client, credentials, type ServiceError } from "@grpc/grpc-js";
import { readStatusDetails } from "../../src/wire/status.ts";

/** What came of a frame that was sent as it is: "OK", or what the gRPC status says. Nothing of it is verified. */
export interface RawOutcome {
  readonly status: string;
  readonly reason: string | undefined;
}

const STATUS_NAMES: Readonly<Record<number, string>> = { 0: "OK", 6: "ALREADY_EXISTS", 16: "UNAUTHENTICATED" };
const DEADLINE_MS = 10_000;

/** Sends bytes to a method over a connection of their own, as someone without any key could. */
export async function sendFrame(address: string, method: string, frame: Uint8Array): Promise<RawOutcome> {
  const client = new Client(address, credentials.createInsecure());
  const same = (bytes: Buffer): Buffer => bytes;
  try {
    return await new Promise((resolve) => {
      const deadline = Date.now() + DEADLINE_MS;
      client.makeUnaryRequest(method, same, same, Buffer.from(frame), { deadline }, (error: ServiceError | null) => {
        const code = error?.code ?? 0;
        resolve({
          status: STATUS_NAMES[code] ?? String(code),
          reason: error === null ? undefined : readStatusDetails(error.metadata)?.reason,
        });
      });
    });
  } finally {
    client.close();
  }
}
