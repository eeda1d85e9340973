"""The agent on the asyncio side of the package: a task for each command."""

import asyncio
import json
import sys
import time
import traceback
from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing
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
    """The open channels, and the running commands."""

    def __init__(self) -> None:
        self.channels: dict[str, Any] = {}
        self.running: dict[int, asyncio.Task[None]] = {}

    def client(self, command: Command) -> sealwire.aio.Client:
        return sealwire.aio.Client(self.channels[command["channel"]])

    async def open(self, command: Command) -> Answer:
        if "plain" in command:
            self.channels[command["channel"]] = grpc.aio.insecure_channel(command["plain"])
        else:
            self.channels[command["channel"]] = sealwire.aio.channel(**channel_options(command))
        return {}

    async def close(self, command: Command) -> Answer:
        await self.channels.pop(command["channel"]).close()
        return {}

    async def stop(self, command: Command) -> Answer:
        target = self.running.get(command["target"])
        if target is not None:
            target.cancel()
        return {}

    async def call(self, command: Command) -> Answer:
        method, kind, is_streaming = stubs.method(self.channels[command["channel"]], command["method"])
        request = to_message(command.get("request"), kind)
        call = method(request, timeout=timeout_of(command), metadata=tuple(command.get("metadata", {}).items()))
        telling = asyncio.ensure_future(tell_metadata(command, call))
        try:
            if is_streaming:
                async for message in call:
                    event(command, {"message": to_json(message)})
                answer: Answer = {"status": "OK", "message": ""}
            else:
                answer = {"status": "OK", "message": "", "response": to_json(await call)}
        except asyncio.CancelledError:
            call.cancel()
            answer = {"status": (await call.code()).name, "message": await call.details()}
        finally:
            telling.cancel()
        return {**answer, "metadata": ids(await call.initial_metadata(), await call.trailing_metadata())}

    async def tool(self, command: Command) -> Answer:
        request = to_message(command.get("request"), stubs.message(command["requestType"]))
        response = await self.client(command).call(
            command["tool"],
            request,
            stubs.message(command["responseType"]),
            request_id=command.get("requestId"),
            timeout=timeout_of(command),
        )
        return {"status": "OK", "message": "", "response": to_json(response)}

    async def start(self, command: Command) -> Answer:
        request = to_message(command.get("request"), stubs.message(command["requestType"]))
        handle = await self.client(command).start(command["tool"], request, request_id=command.get("requestId"))
        return {"jobId": handle.job_id, "requestId": handle.request_id}

    async def watch(self, command: Command) -> Answer:
        handle = self.client(command).job(command["jobId"])
        state = ""
        async with aclosing(handle.watch(after_revision=command.get("afterRevision", 0))) as states:
            async for job in states:
                told = to_json(job)
                state = told["state"]
                event(command, {"job": told})
        return {"state": state}

    async def result(self, command: Command) -> Answer:
        handle = self.client(command).job(command["jobId"])
        response = await handle.result(stubs.message(command["responseType"]))
        return {"status": "OK", "message": "", "response": to_json(response)}

    async def state(self, command: Command) -> Answer:
        return {"job": to_json(await self.client(command).job(command["jobId"]).state())}

    async def cancel_job(self, command: Command) -> Answer:
        return {"job": to_json(await self.client(command).job(command["jobId"]).cancel())}

    async def list_jobs(self, command: Command) -> Answer:
        jobs = self.client(command).list_jobs(
            tool=command.get("tool", ""), states=states_of(command), page_size=command.get("pageSize", 0)
        )
        return {"jobs": [to_json(job) async for job in jobs]}

    async def watch_jobs(self, command: Command) -> Answer:
        async with aclosing(self.client(command).watch_jobs(tool=command.get("tool", ""))) as jobs:
            async for job in jobs:
                event(command, {"job": to_json(job)})
        return {}

    async def many(self, command: Command) -> Answer:
        stub = DemoToolServiceStub(self.channels[command["channel"]])

        async def is_equal(index: int) -> bool:
            response = await stub.BatchSum(BatchSumRequest(numbers=[index, 1]))
            return (response.count, response.total) == (2, index + 1)

        return await count_equal(command, iter(range(command["count"])), is_equal, command["concurrency"])

    async def random(self, command: Command) -> Answer:
        echo, _, _ = stubs.method(self.channels[command["channel"]], "interop.v1.InteropToolService/Echo")

        async def is_equal(request: Any) -> bool:
            return canonical(await echo(request)) == canonical(request)

        return await count_equal(command, random_requests(command["count"], command["seed"]), is_equal, AT_A_TIME)

    async def watches(self, command: Command) -> Answer:
        handle = self.client(command).job(command["jobId"])

        async def leave(_index: int) -> bool:
            async with aclosing(handle.watch()) as states:
                await anext(states)
            return True

        counted = await count_equal(command, iter(range(command["count"])), leave, AT_A_TIME)
        return {"left": counted["equal"]}

    async def resources(self, _command: Command) -> Answer:
        return resources(len(asyncio.all_tasks()))

    async def measure(self, command: Command) -> Answer:
        stub = DemoToolServiceStub(self.channels[command["channel"]])
        request = BatchSumRequest(numbers=[1, 2, 3.5])
        for _ in range(command["count"] // 10):
            await stub.BatchSum(request)
        begun_at, cpu = time.perf_counter(), time.process_time()
        for _ in range(command["count"]):
            await stub.BatchSum(request)
        return {"cpuSeconds": time.process_time() - cpu, "seconds": time.perf_counter() - begun_at}

    async def do(self, command: Command) -> None:
        """Carries out a command and writes its answer."""
        try:
            answer: Answer = await getattr(self, method_of(command))(command)
        except grpc.RpcError as error:
            answer = failed(error)
        except asyncio.CancelledError:
            answer = {"status": "CANCELLED", "message": "stopped"}
        except Exception as error:
            traceback.print_exc()
            answer = {"failure": str(error)}
        del self.running[command["id"]]
        write(command, answer)


async def tell_metadata(command: Command, call: Any) -> None:
    metadata = ids(await call.initial_metadata())
    if not call.done():
        event(command, {"metadata": metadata})


async def count_equal(
    command: Command, items: Iterator[Any], is_equal: Callable[[Any], Awaitable[bool]], concurrency: int
) -> Answer:
    """Checks all items, some at a time. Tells the first problems."""
    problems: list[str] = []

    async def work() -> int:
        equal = 0
        for item in items:
            try:
                if await is_equal(item):
                    equal += 1
                else:
                    problems.append(f"another answer to {item}")
            except Exception as error:
                problems.append(repr(error))
        return equal

    equal = sum(await asyncio.gather(*(work() for _ in range(concurrency))))
    for problem in problems[:MOST_PROBLEMS]:
        event(command, {"problem": problem})
    return {"equal": equal}


async def serve() -> None:
    """Reads commands to the end of the input."""
    agent = Agent()
    reader = asyncio.StreamReader(limit=2**24)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async for line in reader:
        command = json.loads(line)
        agent.running[command["id"]] = asyncio.ensure_future(agent.do(command))
    for task in list(agent.running.values()):
        task.cancel()
    if agent.running:
        await asyncio.wait(list(agent.running.values()))
    for channel in list(agent.channels.values()):
        await channel.close()


def run() -> None:
    asyncio.run(serve())
