import type { Operations } from "./calls/operations.ts";
import type { Signer } from "./calls/signer.ts";
import type { ResolvedClientOptions } from "./options.ts";
import type { Pipelines } from "./transport/pipeline.ts";
import type { Transport } from "./transport/transport.ts";

/** What every operation of one client shares. */
export interface Connection {
  readonly options: ResolvedClientOptions;
  readonly transport: Transport;
  /** Set if calls may share a stream. */
  readonly pipelines: Pipelines | undefined;
  readonly signer: Signer;
  readonly operations: Operations;
}

/** What every operation of a client takes. */
export interface OperationOptions {
  /** Ends the operation; it rejects with the signal's reason. What the server has begun goes on there. */
  readonly signal?: AbortSignal;
  /** Time for the operation with all its attempts, 1 to 86,400,000 ms. */
  readonly timeoutMs?: number;
}
