"""Paths, keys and limits of the protocol."""

CALL = "/sealwire.v1.ToolService/Call"
HEALTH = "/grpc.health.v1.Health/Check"
WATCH_JOB = "/sealwire.v1.ToolService/WatchJob"

# Methods that are sent as they are: they are no tools, and need no signature.
UNSIGNED = ("/sealwire.v1.", "/grpc.health.v1.", "/grpc.reflection.")

DETAILS_KEY = "grpc-status-details-bin"
REQUEST_ID = "sealwire-request-id"
JOB_ID = "sealwire-job-id"
CANCEL_ON_ABANDON = "sealwire-cancel-on-abandon"
TRACEPARENT = "traceparent"
TRACESTATE = "tracestate"

MAX_REQUEST_BYTES = 1_048_576
MAX_RESPONSE_BYTES = 4 * 1_048_576
