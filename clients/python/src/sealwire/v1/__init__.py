"""The generated messages of `sealwire.v1`: jobs, errors, the options of tools, and what is signed."""

from sealwire.v1.envelope_pb2 import Envelope
from sealwire.v1.error_pb2 import Error, ErrorReason, FieldViolation
from sealwire.v1.job_pb2 import Job, JobProgress, JobState
from sealwire.v1.options_pb2 import JobPolicy, ToolOptions
from sealwire.v1.response_pb2 import Response, Status

__all__ = [
    "Envelope",
    "Error",
    "ErrorReason",
    "FieldViolation",
    "Job",
    "JobPolicy",
    "JobProgress",
    "JobState",
    "Response",
    "Status",
    "ToolOptions",
]
