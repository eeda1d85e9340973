"""A signed server in this process, which tests tell what to answer. It also knows how to lie."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status as RpcStatus

from sealwire import demo
from sealwire._core.failure import REASON_NAMES
from sealwire.demo.v1 import batch_sum_pb2, demo_tool_service_pb2, start_long_task_pb2
from sealwire.signing import TYPE_URL, VERSION, mac, read_frame, write_frame
from sealwire.system.v1 import (
    CancelJobRequest,
    CancelJobResponse,
    ListToolsResponse,
    PollJobRequest,
    PollJobResponse,
    WatchJobRequest,
    WatchJobResponse,
)
from sealwire.v1 import Envelope, Error, ErrorReason, Job, JobPolicy, JobState, Response, Status

FIELDS = {
    "server_id": "peer",
    "server_fingerprint": "00" * 16,
    "client_id": "tests",
    "key_id": "k_tests",
    "request_key": "sws_Xwg8j83C9jtDxDUPMzPVyWyRqbeTAE2UodT5SXvjx30",
    "response_key": "swr_uhG74BBdwgdvdKBMHVTK9m_knQMKtGvdpvv__NGhp-w",
}
RESPONSE_KEY = bytes.fromhex("ba11bbe0105dc2076f74a04c1d54caf66fe49d030ab46bdda6fbfffcd1a1a7ec")
STATUS_OF = {2: Status.STATUS_RUNNING, 3: Status.STATUS_DONE, 4: Status.STATUS_ERROR, 5: Status.STATUS_CANCELLED}


@dataclass
class Received:
    """A request as it came."""

    envelope: Envelope
    signature: bytes
    metadata: dict[str, str]
    context: grpc.ServicerContext


Answer = Callable[[Received], bytes]


@dataclass
class Peer:
    """What the peer answers, by tool, and what it has received."""

    answers: dict[str, Answer]
    received: list[Received] = field(default_factory=list)
    address: str = ""
    server: grpc.Server | None = None
    watch: Callable[[Received], Iterator[bytes]] | None = None

    def credentials(self, folder: Path, **changes: str) -> Path:
        """Writes a credentials file."""
        path = folder / "client.json"
        path.write_text(json.dumps({"address": self.address, **FIELDS, **changes}))
        path.chmod(0o600)
        return path

    def of(self, tool: str) -> list[Received]:
        return [each for each in self.received if each.envelope.tool == tool]

    def start(self) -> None:
        server = grpc.server(futures.ThreadPoolExecutor(16), options=[("grpc.so_reuseport", 0)])
        handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
            "Call": grpc.unary_unary_rpc_method_handler(self._call),
            "WatchJob": grpc.unary_stream_rpc_method_handler(self._watch),
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("sealwire.v1.ToolService", handlers),))
        port = server.add_insecure_port(self.address or "127.0.0.1:0")
        self.address = self.address or f"127.0.0.1:{port}"
        server.start()
        self.server = server

    def stop(self) -> None:
        assert self.server is not None
        self.server.stop(None).wait()

    def _read(self, frame: bytes, context: grpc.ServicerContext) -> Received:
        content, _, signature = read_frame(frame)
        metadata = {key: str(value) for key, value in context.invocation_metadata()}
        received = Received(Envelope.FromString(content), signature, metadata, context)
        self.received.append(received)
        return received

    def _call(self, frame: bytes, context: grpc.ServicerContext) -> bytes:
        received = self._read(frame, context)
        answer = self.answers.get(received.envelope.tool)
        if answer is None:
            refuse(received, Error(code=7, reason=ErrorReason.ERROR_REASON_TOOL_FORBIDDEN, message="no such tool"))
        assert answer is not None
        return answer(received)

    def _watch(self, frame: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        assert self.watch is not None
        yield from self.watch(self._read(frame, context))


def response(received: Received, **fields: Any) -> Response:
    """A Response to a request; `result` may be any message."""
    result = fields.pop("result", None)
    status = fields.pop("status", Status.STATUS_OK)
    made = Response(
        v=VERSION,
        request_id=received.envelope.request_id,
        ts_ms=time.time_ns() // 1_000_000,
        ok=status not in (Status.STATUS_ERROR, Status.STATUS_CANCELLED),
        server_id=FIELDS["server_id"],
        status=status,
        **fields,
    )
    if result is not None:
        made.result.Pack(result)
    return made


def sealed(received: Received, made: Response) -> bytes:
    """The frame of a Response, signed for a request."""
    content = made.SerializeToString()
    return write_frame(content, FIELDS["key_id"], mac(RESPONSE_KEY, b"response", received.signature, content))


def ok(received: Received, result: Message) -> bytes:
    return sealed(received, response(received, result=result))


def refuse(
    received: Received,
    error: Error,
    *,
    kind: str = "sealwire.v1.CallResponse",
    change: Callable[[RpcStatus], object] | None = None,
    sequence: int = 0,
    **fields: Any,
) -> NoReturn:
    """Refuses a call with a signed frame in the details, which `change` may falsify."""
    made = response(received, status=Status.STATUS_ERROR, error=error, sequence=sequence)
    for name, value in fields.items():
        setattr(made, name, value)
    info = ErrorInfo(reason=REASON_NAMES[error.reason], domain="sealwire")
    packed = AnyMessage()
    packed.Pack(info)
    frame = AnyMessage(type_url=TYPE_URL + kind, value=sealed(received, made))
    status = RpcStatus(code=error.code, message=error.message, details=[frame, packed])
    if change is not None:
        change(status)
    code = next(each for each in grpc.StatusCode if each.value[0] == error.code)
    received.context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    received.context.abort(code, error.message)
    raise AssertionError("abort raises")


def contract() -> bytes:
    """The descriptors of the demo tools and all that they import."""
    files: dict[str, Any] = {}

    def add(file: Any) -> None:
        for dependency in file.dependencies:
            add(dependency)
        files[file.name] = file

    for module in (demo_tool_service_pb2, batch_sum_pb2, start_long_task_pb2):
        add(module.DESCRIPTOR)
    found = FileDescriptorSet()
    for file in files.values():
        file.CopyToProto(found.file.add())
    return found.SerializeToString()


def list_tools(received: Received) -> bytes:
    demo_service = demo.v1.demo_tool_service_pb2.DESCRIPTOR.services_by_name["DemoToolService"].full_name
    tools = ListToolsResponse(descriptor_set=contract())
    tools.tools.add(name="batch_sum", method=f"{demo_service}.BatchSum", read_only=True, idempotent=True)
    tools.tools.add(name="start_long_task", method=f"{demo_service}.StartLongTask", job=JobPolicy(max_attempts=3))
    return ok(received, tools)


def batch_sum(received: Received) -> bytes:
    numbers = batch_sum_pb2.BatchSumRequest.FromString(received.envelope.args.value).numbers
    return ok(received, batch_sum_pb2.BatchSumResponse(count=len(numbers), total=sum(numbers)))


class Jobs:
    """One job that runs until it is told to end."""

    def __init__(self) -> None:
        self.job = Job(job_id="j-1", tool="start_long_task", state=JobState.JOB_STATE_RUNNING, revision=2)
        self.output = start_long_task_pb2.StartLongTaskResponse()
        self.changed = threading.Condition()
        self.breaks = 0
        """How many streams break after their first message."""

    def start(self, received: Received) -> bytes:
        self.output.payload.CopyFrom(
            start_long_task_pb2.StartLongTaskRequest.FromString(received.envelope.args.value).payload
        )
        self.job.request_id = received.envelope.request_id
        return sealed(received, response(received, status=Status.STATUS_ACCEPTED, job=self.job))

    def end(self, state: JobState.ValueType = JobState.JOB_STATE_SUCCEEDED) -> None:
        with self.changed:
            self.job.state = state
            self.job.revision += 1
            self.changed.notify_all()

    def poll(self, received: Received) -> bytes:
        PollJobRequest.FromString(received.envelope.args.value)
        return self._answer(received, PollJobResponse(), 0)

    def cancel(self, received: Received) -> bytes:
        CancelJobRequest.FromString(received.envelope.args.value)
        self.end(JobState.JOB_STATE_CANCELLED)
        return self._answer(received, CancelJobResponse(), 0)

    def watch(self, received: Received) -> Iterator[bytes]:
        request = WatchJobRequest.FromString(received.envelope.args.value)
        known = request.after_revision
        sequence = 1
        while True:
            with self.changed:
                if self.job.revision <= known and self.job.state <= JobState.JOB_STATE_RUNNING:
                    self.changed.wait(0.2)
                is_news, is_over = self.job.revision > known, self.job.state > 2
                frame = self._answer(received, WatchJobResponse(), sequence)
                known = max(known, self.job.revision)
            if is_news or is_over:
                yield frame
                sequence += 1
            if is_over or not received.context.is_active():
                return
            if self.breaks > 0:
                self.breaks -= 1
                received.context.abort(grpc.StatusCode.UNAVAILABLE, "the connection is gone")

    def _answer(self, received: Received, answer: Any, sequence: int) -> bytes:
        answer.job.CopyFrom(self.job)
        if self.job.state == JobState.JOB_STATE_SUCCEEDED:
            answer.output.Pack(self.output)
        made = response(received, result=answer, status=STATUS_OF[self.job.state], sequence=sequence)
        return sealed(received, made)
