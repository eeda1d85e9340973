"""The generated messages of `sealwire.v1`: jobs, errors, the options of tools, and what is signed."""

from sealwire.v1.envelope_pb2 import Envelope
from sealwire.v1.error_pb2 import Error, ErrorReason, FieldViolation
from sealwire.v1.job_attempt_pb2 import AttemptOutcome, JobAttempt
from sealwire.v1.job_pb2 import Job, JobProgress, JobState
from sealwire.v1.options_pb2 import JobPolicy, ToolOptions
from sealwire.v1.response_pb2 import Response, Status

__all__ = [
    "AttemptOutcome",
    "Envelope",
    "Error",
    "ErrorReason",
    "FieldViolation",
    "Job",
    "JobAttempt",
    "JobPolicy",
    "JobProgress",
    "JobState",
    "Response",
    "Status",
    "ToolOptions",
]
