"""The agent of test/interop/AGENT.md in Python: agent.py --sync | --aio"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).with_name("gen")))


def main() -> None:
    parser = argparse.ArgumentParser()
    side = parser.add_mutually_exclusive_group(required=True)
    side.add_argument("--sync", action="store_true", help="use the synchronous side of the package")
    side.add_argument("--aio", action="store_true", help="use its asyncio side")
    # The generated modules are found only now.
    import aio_agent
    import stubs
    import sync_agent

    arguments = parser.parse_args()
    stubs.load()
    if arguments.sync:
        sync_agent.run()
    else:
        aio_agent.run()


if __name__ == "__main__":
    main()
