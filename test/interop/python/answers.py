"""What both sides of the agent say in the same way."""

import gc
import json
import os
import re
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message import Message

import sealwire
from sealwire.v1 import JobState

Command = dict[str, Any]
Answer = dict[str, Any]

_writing = threading.Lock()


def write(command: Command, line: Answer) -> None:
    """Writes one line for a command."""
    text = json.dumps({"id": command["id"], **line}, ensure_ascii=True)
    with _writing:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()


def method_of(command: Command) -> str:
    """The method that carries out a command."""
    return re.sub("[A-Z]", lambda found: "_" + found[0].lower(), command["op"])


def event(command: Command, content: Answer) -> None:
    write(command, {"event": content})


def to_json(message: Message) -> Answer:
    found: Answer = MessageToDict(message)
    return found


def to_message(content: Any, kind: type[Message]) -> Message:
    parsed: Message = ParseDict(content or {}, kind())
    return parsed


def ids(*metadata: Iterable[Any] | None) -> Answer:
    """The pairs of Sealwire in initial and trailing metadata."""
    return {key: value for pairs in metadata for key, value in pairs or () if key.startswith("sealwire-")}


def failed(error: grpc.RpcError) -> Answer:
    """The answer for a call that failed."""
    status: Any = error
    answer: Answer = {
        "status": status.code().name,
        "message": status.details() or "",
        "metadata": ids(status.initial_metadata(), status.trailing_metadata()),
    }
    told = sealwire.error_of(error)
    if told is not None:
        answer["error"] = to_json(told)
    if isinstance(error, sealwire.UnverifiedError):
        answer["unverified"] = True
    return answer


def channel_options(command: Command) -> Answer:
    """The options of a channel of the package that `open` asks for."""
    options: Answer = {}
    if "credentials" in command:
        options["credentials"] = command["credentials"]
    elif "inline" in command:
        options["credentials"] = sealwire.Credentials.from_mapping(command["inline"])
    pem = {name: Path(command[name]).read_bytes() for name in ("ca", "cert", "key") if command.get(name)}
    if pem:
        options["tls"] = sealwire.Tls(ca=pem.get("ca"), certificate=pem.get("cert"), private_key=pem.get("key"))
    if "timeoutMs" in command:
        options["timeout"] = command["timeoutMs"] / 1000
    if "pins" in command:
        options["pins"] = command["pins"]
    return options


def timeout_of(command: Command) -> float | None:
    timeout_ms = command.get("timeoutMs")
    return None if timeout_ms is None else timeout_ms / 1000


def states_of(command: Command) -> list[JobState.ValueType]:
    return [JobState.Value(f"JOB_STATE_{name}") for name in command.get("states", ())]


def resources(tasks: int | None) -> Answer:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    found = {
        "memoryBytes": pages * os.sysconf("SC_PAGE_SIZE"),
        "threads": threading.active_count(),
        "files": len(os.listdir("/proc/self/fd")),
    }
    return found if tasks is None else {**found, "tasks": tasks}
