"""The generated messages and the stub of `sealwire.system.v1`: the tools that every server has."""

from sealwire.system.v1.cancel_job_pb2 import CancelJobRequest, CancelJobResponse
from sealwire.system.v1.list_jobs_pb2 import ListJobsRequest, ListJobsResponse
from sealwire.system.v1.list_tools_pb2 import ListToolsRequest, ListToolsResponse, ToolDescription
from sealwire.system.v1.poll_job_pb2 import PollJobRequest, PollJobResponse
from sealwire.system.v1.server_identity_pb2 import Capabilities, ServerIdentityRequest, ServerIdentityResponse
from sealwire.system.v1.system_tool_service_pb2_grpc import SystemToolServiceStub
from sealwire.system.v1.watch_job_pb2 import WatchJobRequest, WatchJobResponse
from sealwire.system.v1.watch_jobs_pb2 import WatchJobsRequest, WatchJobsResponse

__all__ = [
    "CancelJobRequest",
    "CancelJobResponse",
    "Capabilities",
    "ListJobsRequest",
    "ListJobsResponse",
    "ListToolsRequest",
    "ListToolsResponse",
    "PollJobRequest",
    "PollJobResponse",
    "ServerIdentityRequest",
    "ServerIdentityResponse",
    "SystemToolServiceStub",
    "ToolDescription",
    "WatchJobRequest",
    "WatchJobResponse",
    "WatchJobsRequest",
    "WatchJobsResponse",
]
