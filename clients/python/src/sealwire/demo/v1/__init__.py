"""The generated messages and the stub of `sealwire.demo.v1`: two tools to try a server with."""

from sealwire.demo.v1.batch_sum_pb2 import BatchSumRequest, BatchSumResponse
from sealwire.demo.v1.demo_tool_service_pb2_grpc import DemoToolServiceStub
from sealwire.demo.v1.start_long_task_pb2 import StartLongTaskRequest, StartLongTaskResponse

__all__ = [
    "BatchSumRequest",
    "BatchSumResponse",
    "DemoToolServiceStub",
    "StartLongTaskRequest",
    "StartLongTaskResponse",
]
