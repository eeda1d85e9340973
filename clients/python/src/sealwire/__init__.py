"""Signed, verified tool calls over gRPC, through ordinary generated stubs.

```python
import sealwire
from sealwire.demo.v1 import BatchSumRequest, DemoToolServiceStub

with sealwire.channel("client.json") as channel:
    print(DemoToolServiceStub(channel).BatchSum(BatchSumRequest(numbers=[1, 2, 3.5])).total)
```

`sealwire.aio` is the same for asyncio. `sealwire.signing` signs and verifies by itself; `sealwire.json_schema`
describes tools for the function calling of models.
"""

from collections.abc import Iterable, Mapping

import sealwire.aio as aio
import sealwire.tools as tools
from sealwire._core.settings import CredentialsLike, Retry, Tls, resolve
from sealwire._sync.channel import Channel
from sealwire._sync.client import Client
from sealwire._sync.job import JobHandle
from sealwire.credentials import Credentials, CredentialsError
from sealwire.definitions import definition_digest
from sealwire.status import CallError, UnverifiedError, error_of

__version__ = "0.2.0"

__all__ = [
    "CallError",
    "Channel",
    "Client",
    "Credentials",
    "CredentialsError",
    "JobHandle",
    "Retry",
    "Tls",
    "UnverifiedError",
    "aio",
    "channel",
    "definition_digest",
    "error_of",
    "tools",
]


def channel(
    credentials: CredentialsLike = None,
    *,
    address: str | None = None,
    tls: Tls | bool = False,
    allow_plaintext_on_the_network: bool = False,
    timeout: float = 60.0,
    retry: Retry | None = None,
    heartbeat_interval: float = 15.0,
    validate: bool = False,
    options: Iterable[tuple[str, object]] = (),
    pins: Mapping[str, str] | None = None,
) -> Channel:
    """Makes a channel for ordinary generated stubs. It connects with the first call. Use `with`, or `close` it.

    - `credentials`: the path of a credentials file, which is read again when it changes; or `Credentials`. None: those
      of the environment, see `Credentials.from_environment`.
    - `address`: in place of the one in the credentials. Several, separated by commas, are replicas of one server.
    - `tls`: True for the authorities of gRPC, or `Tls`. Without it only loopback addresses and unix sockets are called,
      unless `allow_plaintext_on_the_network`, with which anyone on the way can read arguments and results.
    - `timeout`: seconds until a call is answered or its job is accepted, with all attempts, at most 86,400. The
      time-out of a call may be shorter. Waiting for a job has no limit but that of the call.
    - `retry`: how often and how fast calls are tried again.
    - `heartbeat_interval`: seconds of silence after which a watch gets a sign of life, 0.1 to 60. A stream that is
      silent for 2.5 times as long is opened again.
    - `validate`: checks requests by their rules before they are sent. Needs the extra `sealwire[validate]`.
    - `pins`: accepted definitions, as `definition_digest` gives them, by the names of the tools. A call of a tool whose
      definition is another one raises TOOL_CHANGED, and nothing is done. Other tools and system tools are not checked.
    - `options`: arguments of the gRPC channel, such as `("grpc.ssl_target_name_override", "name")`.

    Raises ValueError naming the option, and CredentialsError.
    """
    settings = resolve(
        credentials,
        address=address,
        tls=tls,
        allow_plaintext_on_the_network=allow_plaintext_on_the_network,
        timeout=timeout,
        retry=retry,
        heartbeat_interval=heartbeat_interval,
        validate=validate,
        options=options,
        pins=pins,
    )
    return Channel(settings)
