import { Client, credentials, type ServiceError } from "@grpc/grpc-js";
import { readStatusDetails } from "../../src/wire/status.ts";

/** The unverified result of a raw frame: "OK", or the content of the gRPC status. */
export interface RawOutcome {
  readonly status: string;
  readonly reason: string | undefined;
}

const STATUS_NAMES: Readonly<Record<number, string>> = { 0: "OK", 6: "ALREADY_EXISTS", 16: "UNAUTHENTICATED" };
const DEADLINE_MS = 10_000;

/** Sends bytes to a method on a new connection, as a client without a key can. */
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
