"""A peer for each test, which is stopped at its end."""

from collections.abc import Iterator

import pytest
from peer import Jobs, Peer, batch_sum, list_tools


@pytest.fixture
def jobs() -> Jobs:
    return Jobs()


@pytest.fixture
def peer(jobs: Jobs) -> Iterator[Peer]:
    """A peer with the demo tools and one job."""
    made = Peer(
        {
            "list_tools": list_tools,
            "batch_sum": batch_sum,
            "start_long_task": jobs.start,
            "poll_job": jobs.poll,
            "cancel_job": jobs.cancel,
        }
    )
    made.watch = jobs.watch
    made.start()
    yield made
    made.stop()
