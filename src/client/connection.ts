import type { Operations } from "./calls/operations.ts";
import type { Signer } from "./calls/signer.ts";
import type { ResolvedClientOptions } from "./options.ts";
import type { Pipelines } from "./transport/pipeline.ts";
import type { Transport } from "./transport/transport.ts";

/** The objects that all operations of one client share. */
export interface Connection {
  readonly options: ResolvedClientOptions;
  readonly transport: Transport;
  /** Set if calls may share a stream. */
  readonly pipelines: Pipelines | undefined;
  readonly signer: Signer;
  readonly operations: Operations;
}

/** Options of every operation of a client. */
export interface OperationOptions {
  /** Ends the operation, which rejects with the signal's reason. The server continues what it has started. */
  readonly signal?: AbortSignal;
  /** Maximum time of the operation with all its attempts, 1 to 86,400,000 ms. */
  readonly timeoutMs?: number;
}
