"""Checks the client of examples/python: see ../README.md for the commands."""

import asyncio
import sys

import echo
import grpc_cases
import refusals
import vectors
import violations
from credentials import Credentials

match sys.argv[1:]:
    case ["vectors", folder, *fault]:
        sys.exit(vectors.run(folder, *fault))
    case ["echo", path, count, seed]:
        asyncio.run(echo.run(Credentials.load(path), int(count), int(seed)))
    case ["violations", path]:
        asyncio.run(violations.run(Credentials.load(path)))
    case ["refusals", path]:
        asyncio.run(refusals.run(Credentials.load(path)))
    case ["grpc-cases", path]:
        asyncio.run(grpc_cases.run(Credentials.load(path)))
    case other:
        sys.exit(f"unknown command: {other}")
