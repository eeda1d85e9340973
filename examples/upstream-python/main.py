"""Serves the archive tools: python3 main.py --help"""

import argparse
import asyncio
import json
import re
import signal
from pathlib import Path

import grpc
from archive.v1.archive_tool_service_pb2 import DESCRIPTOR
from archive.v1.archive_tool_service_pb2_grpc import add_ArchiveToolServiceServicer_to_server
from grpc_health.v1 import health
from grpc_health.v1.health_pb2 import HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import add_HealthServicer_to_server
from grpc_reflection.v1alpha import reflection

from assertion import Verifier
from calls import Calls
from notes import Notes
from tools import Archive

SERVICE = DESCRIPTOR.services_by_name["ArchiveToolService"].full_name
GRACE_S = 1


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Serves the archive tools.")
    parser.add_argument("--listen", required=True, type=address, help="unix:PATH or 127.0.0.1:PORT; port 0 picks one")
    parser.add_argument("--notes", required=True, type=Path, help="file of the notes; made if missing")
    parser.add_argument("--jwks", default="none", help="keys of the assertions, or none; required with TCP")
    parser.add_argument("--audience", help="audience of the assertions; required with --jwks")
    parser.add_argument("--pause-after-effect", type=int, default=0, help="ms from a note on disk to the answer")
    chosen = parser.parse_args()
    if chosen.jwks == "none" and not chosen.listen.startswith("unix:"):
        parser.error("--listen with TCP needs --jwks and --audience: every user of the machine can connect")
    if chosen.jwks != "none" and not chosen.audience:
        parser.error("--jwks needs --audience")
    return chosen


def address(text: str) -> str:
    if re.fullmatch(r"127\.0\.0\.1:\d{1,5}", text):
        return text
    if not text.startswith("unix:"):
        raise argparse.ArgumentTypeError(f"{text} is neither unix:PATH nor 127.0.0.1:PORT")
    folder = Path(text.removeprefix("unix:")).parent
    if folder.stat().st_mode & 0o077:
        raise argparse.ArgumentTypeError(f"others can enter the socket's folder: chmod 700 {folder}")
    return text


async def main() -> None:
    chosen = options()
    verifier = None if chosen.jwks == "none" else Verifier(Path(chosen.jwks), chosen.audience)
    calls = Calls(SERVICE, verifier)
    server = grpc.aio.server(interceptors=[calls], options=[("grpc.so_reuseport", 0)])
    archive = Archive(Notes(chosen.notes), chosen.pause_after_effect / 1000)
    add_ArchiveToolServiceServicer_to_server(archive, server)
    healths = health.aio.HealthServicer()
    add_HealthServicer_to_server(healths, server)
    reflection.enable_server_reflection((SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME), server)
    for name in ("", SERVICE):
        await healths.set(name, HealthCheckResponse.SERVING)

    port = server.add_insecure_port(chosen.listen)
    await server.start()
    stopping = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, stopping.set)
    listening = chosen.listen if chosen.listen.startswith("unix:") else f"127.0.0.1:{port}"
    print(json.dumps({"listening": listening}), flush=True)

    await stopping.wait()
    await healths.enter_graceful_shutdown()
    calls.stop()
    await server.stop(GRACE_S)


if __name__ == "__main__":
    asyncio.run(main())
