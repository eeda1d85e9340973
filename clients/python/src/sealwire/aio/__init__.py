"""The same as `sealwire`, for asyncio.

```python
async with sealwire.aio.channel("client.json") as channel:
    response = await DemoToolServiceStub(channel).BatchSum(BatchSumRequest(numbers=[1, 2, 3.5]))
```
"""

from collections.abc import Iterable, Mapping

from sealwire._core.settings import CredentialsLike, Retry, Tls, resolve
from sealwire.aio._channel import Channel
from sealwire.aio._client import Client
from sealwire.aio._job import JobHandle

__all__ = ["Channel", "Client", "JobHandle", "channel"]


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
    """Makes a channel for ordinary generated stubs. It connects with the first call. Use `async with`, or `close` it.

    Call it where an event loop runs. The options are those of `sealwire.channel`. Credentials files are small and
    local: they are read in the event loop. Raises ValueError naming the option, and CredentialsError.
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
