/** Limits of the protocol, in bytes unless the name says otherwise. */

/** Protocol version in every Envelope and Response. */
export const PROTOCOL_VERSION = "mcp/0.1";
/** Largest request message that a server accepts. */
export const MAX_REQUEST_BYTES = 1024 * 1024;
/** Largest result of a tool or a job. */
export const MAX_RESULT_BYTES = 3 * 1024 * 1024;
/** Largest response message that a client accepts: a result with room for the frame and the job. */
export const MAX_RESPONSE_BYTES = 4 * 1024 * 1024;
/** Largest recorded outcome of a sync call. */
export const MAX_OUTCOME_BYTES = 64 * 1024;
/** Largest metadata (headers) of a call. */
export const MAX_METADATA_BYTES = 16 * 1024;
/** Largest google.rpc.Status in the trailers: peers cut trailers at 8 KiB, and base64 adds a third. */
export const MAX_STATUS_DETAILS_BYTES = 4 * 1024;
/**
 * Maximum number of messages, map entries and unpacked list values in the arguments of one call, at all depths
 * together.
 */
export const MAX_ELEMENTS = 100_000;
/**
 * Maximum number of varints in packed lists in the arguments of one call. Fixed-width values are limited by the
 * request's size.
 */
export const MAX_PACKED_VARINTS = 262_144;
/**
 * Larger arguments are checked before they are decoded, and each step of their processing runs in a separate event loop
 * turn.
 */
export const LARGE_ARGS_BYTES = 16 * 1024;
/** Maximum number of field violations in an error. */
export const MAX_VIOLATIONS = 16;
/** Maximum size of the details of an error. */
export const MAX_ERROR_DETAILS_BYTES = 2 * 1024;

/** Prefix of every type URL in an Any. */
export const TYPE_URL_PREFIX = "type.googleapis.com/";
/** gRPC path of ToolService.Call. */
export const CALL_METHOD = "/sealwire.v1.ToolService/Call";
/** gRPC path of ToolService.CallStream. */
export const CALL_STREAM_METHOD = "/sealwire.v1.ToolService/CallStream";
/** gRPC path of ToolService.WatchJob. */
export const WATCH_JOB_METHOD = "/sealwire.v1.ToolService/WatchJob";

/** The tools that answer with a stream of messages. */
const STREAMING_TOOLS: ReadonlySet<string> = new Set(["watch_job", "watch_jobs"]);

/** The gRPC path of the method that calls a tool. */
export function methodOfTool(tool: string): string {
  return STREAMING_TOOLS.has(tool) ? WATCH_JOB_METHOD : CALL_METHOD;
}
