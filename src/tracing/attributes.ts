/** Names of the attributes of spans: those of OpenTelemetry's conventions for RPC and GenAI, and `sealwire.*`. */

/** Why an operation failed: a reason of docs/errors.md, or the gRPC status of an upstream. */
export const ERROR_TYPE = "error.type";
/** Always "grpc". */
const RPC_SYSTEM = "rpc.system.name";
/** Full name of a gRPC method, such as "sealwire.v1.ToolService/Call". */
const RPC_METHOD = "rpc.method";
/** Name of a gRPC status, such as "OK". */
export const RPC_STATUS = "rpc.response.status_code";
/** Always "execute_tool". */
export const OPERATION = "gen_ai.operation.name";
/** Name of a tool. */
export const TOOL = "gen_ai.tool.name";
/** Id of the request for a tool. */
export const CALL_ID = "gen_ai.tool.call.id";
/** Host of the server that a client calls. */
export const SERVER_ADDRESS = "server.address";
/** Id of the verified caller. */
export const CLIENT_ID = "sealwire.client.id";
/** Id of the key of the caller's signature. */
export const KEY_ID = "sealwire.key.id";
/** Id of a job. */
export const JOB_ID = "sealwire.job.id";
/** Number of an attempt of a job, from 1 on. */
export const ATTEMPT = "sealwire.attempt";
/** Name of an upstream in the configuration. */
export const UPSTREAM = "sealwire.upstream";

/** The attributes of a call of a gRPC method, by its path. */
export function rpcAttributes(path: string): Record<string, string> {
  return { [RPC_SYSTEM]: "grpc", [RPC_METHOD]: path.slice(1) };
}
