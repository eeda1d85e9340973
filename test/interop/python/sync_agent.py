"""The agent on the synchronous side of the package: a thread for each command."""

import json
import queue
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import stubs
from answers import (
    Answer,
    Command,
    channel_options,
    event,
    failed,
    ids,
    method_of,
    resources,
    states_of,
    timeout_of,
    to_json,
    to_message,
    write,
)
from random_messages import canonical, random_requests

import sealwire
from sealwire.demo.v1 import BatchSumRequest, DemoToolServiceStub

AT_A_TIME = 8
MOST_PROBLEMS = 5


class Agent:
    """The open channels, and what can be cancelled of the running commands."""

    def __init__(self) -> None:
        self.channels: dict[str, Any] = {}
        self.running: dict[int, Any] = {}

    def client(self, command: Command) -> sealwire.Client:
        return sealwire.Client(self.channels[command["channel"]])

    def open(self, command: Command) -> Answer:
        if "plain" in command:
            self.channels[command["channel"]] = grpc.insecure_channel(command["plain"])
        else:
            self.channels[command["channel"]] = sealwire.channel(**channel_options(command))
        return {}

    def close(self, command: Command) -> Answer:
        self.channels.pop(command["channel"]).close()
        return {}

    def stop(self, command: Command) -> Answer:
        target = self.running.get(command["target"])
        if target is not None:
            target.cancel()
        return {}

    def call(self, command: Command) -> Answer:
        method, kind, is_streaming = stubs.method(self.channels[command["channel"]], command["method"])
        request = to_message(command.get("request"), kind)
        metadata = list(command.get("metadata", {}).items())
        if is_streaming:
            call = method(request, timeout=timeout_of(command), metadata=metadata)
            self.running[command["id"]] = call
            for message in call:
                event(command, {"message": to_json(message)})
            return {"status": "OK", "message": "", "metadata": ids(call.initial_metadata(), call.trailing_metadata())}
        call = method.future(request, timeout=timeout_of(command), metadata=metadata)
        self.running[command["id"]] = call
        initial = ids(call.initial_metadata())
        if not call.done():
            event(command, {"metadata": initial})
        try:
            response = to_json(call.result())
        except grpc.FutureCancelledError:
            told = ids(initial.items(), call.trailing_metadata())
            return {"status": "CANCELLED", "message": call.details(), "metadata": told}
        told = ids(initial.items(), call.trailing_metadata())
        return {"status": "OK", "message": "", "response": response, "metadata": told}

    def tool(self, command: Command) -> Answer:
        request = to_message(command.get("request"), stubs.message(command["requestType"]))
        response = self.client(command).call(
            command["tool"],
            request,
            stubs.message(command["responseType"]),
            request_id=command.get("requestId"),
            timeout=timeout_of(command),
        )
        return {"status": "OK", "message": "", "response": to_json(response)}

    def start(self, command: Command) -> Answer:
        request = to_message(command.get("request"), stubs.message(command["requestType"]))
        handle = self.client(command).start(command["tool"], request, request_id=command.get("requestId"))
        return {"jobId": handle.job_id, "requestId": handle.request_id}

    def watch(self, command: Command) -> Answer:
        handle = self.client(command).job(command["jobId"])
        watch = handle.watch(after_revision=command.get("afterRevision", 0))
        self.running[command["id"]] = watch
        state = ""
        for job in watch:
            told = to_json(job)
            state = told["state"]
            event(command, {"job": told})
        return {"state": state}

    def result(self, command: Command) -> Answer:
        handle = self.client(command).job(command["jobId"])
        response = handle.result(stubs.message(command["responseType"]))
        return {"status": "OK", "message": "", "response": to_json(response)}

    def state(self, command: Command) -> Answer:
        return {"job": to_json(self.client(command).job(command["jobId"]).state())}

    def cancel_job(self, command: Command) -> Answer:
        return {"job": to_json(self.client(command).job(command["jobId"]).cancel())}

    def list_jobs(self, command: Command) -> Answer:
        jobs = self.client(command).list_jobs(
            tool=command.get("tool", ""), states=states_of(command), page_size=command.get("pageSize", 0)
        )
        return {"jobs": [to_json(job) for job in jobs]}

    def watch_jobs(self, command: Command) -> Answer:
        watch = self.client(command).watch_jobs(tool=command.get("tool", ""))
        self.running[command["id"]] = watch
        for job in watch:
            event(command, {"job": to_json(job)})
        return {}

    def many(self, command: Command) -> Answer:
        stub = DemoToolServiceStub(self.channels[command["channel"]])

        def is_equal(index: int) -> bool:
            response = stub.BatchSum(BatchSumRequest(numbers=[index, 1]))
            return (response.count, response.total) == (2, index + 1)

        return count_equal(command, iter(range(command["count"])), is_equal, command["concurrency"])

    def random(self, command: Command) -> Answer:
        echo, _, _ = stubs.method(self.channels[command["channel"]], "interop.v1.InteropToolService/Echo")
        requests = random_requests(command["count"], command["seed"])
        return count_equal(command, requests, lambda request: canonical(echo(request)) == canonical(request), AT_A_TIME)

    def watches(self, command: Command) -> Answer:
        handle = self.client(command).job(command["jobId"])

        def leave(_index: int) -> bool:
            with handle.watch() as states:
                next(states)
            return True

        return {"left": count_equal(command, iter(range(command["count"])), leave, AT_A_TIME)["equal"]}

    def resources(self, _command: Command) -> Answer:
        return resources(None)

    def measure(self, command: Command) -> Answer:
        stub = DemoToolServiceStub(self.channels[command["channel"]])
        request = BatchSumRequest(numbers=[1, 2, 3.5])
        for _ in range(command["count"] // 10):
            stub.BatchSum(request)
        begun_at, cpu = time.perf_counter(), time.process_time()
        for _ in range(command["count"]):
            stub.BatchSum(request)
        return {"cpuSeconds": time.process_time() - cpu, "seconds": time.perf_counter() - begun_at}

    def do(self, command: Command) -> None:
        """Carries out a command and writes its answer."""
        try:
            answer: Answer = getattr(self, method_of(command))(command)
        except grpc.RpcError as error:
            answer = failed(error)
        except Exception as error:
            traceback.print_exc()
            answer = {"failure": str(error)}
        self.running.pop(command["id"], None)
        write(command, answer)


def count_equal(command: Command, items: Iterator[Any], is_equal: Callable[[Any], bool], concurrency: int) -> Answer:
    """Checks all items, some at a time. Tells the first problems."""
    problems: queue.SimpleQueue[str] = queue.SimpleQueue()
    taking = threading.Lock()

    def work(_worker: int) -> int:
        equal = 0
        while True:
            with taking:
                item = next(items, None)
            if item is None:
                return equal
            try:
                if is_equal(item):
                    equal += 1
                else:
                    problems.put(f"another answer to {item}")
            except Exception as error:
                problems.put(repr(error))

    with ThreadPoolExecutor(concurrency) as pool:
        equal = sum(pool.map(work, range(concurrency)))
    for _ in range(min(MOST_PROBLEMS, problems.qsize())):
        event(command, {"problem": problems.get()})
    return {"equal": equal}


def run() -> None:
    """Reads commands to the end of the input."""
    agent = Agent()
    threads: list[threading.Thread] = []
    for line in sys.stdin:
        thread = threading.Thread(target=agent.do, args=(json.loads(line),))
        thread.start()
        threads = [each for each in threads if each.is_alive()] + [thread]
    for call in list(agent.running.values()):
        call.cancel()
    for channel in list(agent.channels.values()):
        channel.close()
    for thread in threads:
        thread.join()
