"""The options of a channel, checked once."""

import ipaddress
import logging
import os
import random
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import grpc

from sealwire._core.credentials_source import CredentialsSource, FileCredentials, FixedCredentials
from sealwire._core.pins import Pins, is_digest
from sealwire._core.wire import MAX_RESPONSE_BYTES
from sealwire.credentials import Credentials

MAX_TIMEOUT = 86_400.0
"""Servers keep request ids for at least a day; after that, a retry might be carried out a second time."""


@dataclass(frozen=True, slots=True)
class Retry:
    """How often and how fast calls are tried again. Each attempt has a new signature and the same request id."""

    max_attempts: int = 5
    """Attempts that reached no server, and those that were told a delay, do not count. 1 switches retries off."""
    initial_delay: float = 0.2
    """Upper limit of the first delay in seconds; doubles with each attempt. Each delay is random below its limit."""
    max_delay: float = 5.0
    """Maximum of the upper limit in seconds."""


@dataclass(frozen=True, slots=True)
class Tls:
    """TLS of a channel. Certificates and keys are PEM."""

    ca: bytes | None = None
    """Trusted authorities. Default: those of gRPC."""
    certificate: bytes | None = None
    """The client's own certificate chain, for servers that require one."""
    private_key: bytes | None = None

    def __repr__(self) -> str:
        return f"Tls(ca={self.ca is not None}, certificate={self.certificate is not None})"


@dataclass(frozen=True, slots=True)
class Settings:
    """The resolved options of a channel."""

    credentials: CredentialsSource
    targets: tuple[str, ...]
    tls: Tls | None
    timeout: float
    retry: Retry
    heartbeat_ms: int
    validate: bool
    options: tuple[tuple[str, object], ...]
    pins: Pins
    resume_for: float = 300.0
    """How long a watch is resumed without a verified message, in seconds, once the server has confirmed its target."""


CredentialsLike = Credentials | str | os.PathLike[str] | None


def resolve(
    credentials: CredentialsLike,
    *,
    address: str | None,
    tls: Tls | bool,
    allow_plaintext_on_the_network: bool,
    timeout: float,
    retry: Retry | None,
    heartbeat_interval: float,
    validate: bool,
    options: object,
    pins: Mapping[str, str] | None,
) -> Settings:
    """Checks the options. Raises ValueError (CredentialsError for the credentials), naming the invalid one."""
    source = _source(credentials)
    given = address if address is not None else source.current().address
    targets = tuple(part.strip() for part in given.split(",") if part.strip())
    if not targets:
        raise ValueError(f"address is {given!r}; give host:port, unix:/path or dns:///host:port.")
    remote = next((target for target in targets if not is_loopback(target)), None)
    if remote is not None and not tls and not allow_plaintext_on_the_network:
        raise ValueError(
            f"Without TLS a channel connects to loopback addresses and unix sockets only, not to {remote}: set tls=True"
            " or tls=sealwire.Tls(…), or allow_plaintext_on_the_network=True, which lets anyone on the way read the"
            " traffic."
        )
    if not 0 < timeout <= MAX_TIMEOUT:
        raise ValueError(f"timeout is {timeout}; give seconds above 0, at most {MAX_TIMEOUT:.0f}.")
    if not 0.1 <= heartbeat_interval <= 60:
        raise ValueError(f"heartbeat_interval is {heartbeat_interval}; give 0.1 to 60 seconds.")
    resolved = retry or Retry()
    if not 1 <= resolved.max_attempts <= 100 or resolved.initial_delay <= 0 or resolved.max_delay <= 0:
        raise ValueError(f"retry is {resolved}; give 1 to 100 attempts, and delays above 0.")
    if isinstance(tls, Tls) and (tls.certificate is None) != (tls.private_key is None):
        raise ValueError("tls.certificate and tls.private_key belong together; give both or none.")
    for tool, digest in (pins or {}).items():
        if not is_digest(digest):
            raise ValueError(
                f"pins[{tool!r}] is {digest!r}; give 64 lower-case hex digits, see sealwire.definition_digest."
            )
    return Settings(
        credentials=source,
        targets=targets,
        tls=tls if isinstance(tls, Tls) else Tls() if tls else None,
        timeout=timeout,
        retry=resolved,
        heartbeat_ms=round(heartbeat_interval * 1000),
        validate=validate,
        options=tuple(options),  # type: ignore[arg-type]
        pins=dict(pins or {}),
    )


def _source(given: CredentialsLike) -> CredentialsSource:
    if isinstance(given, Credentials):
        return FixedCredentials(given)
    if given is None:
        path = os.environ.get("SEALWIRE_CREDENTIALS")
        return FileCredentials(Path(path)) if path else FixedCredentials(Credentials.from_environment())
    return FileCredentials(Path(given))


def is_loopback(target: str) -> bool:
    """True if the traffic to a gRPC target does not leave this machine."""
    if re.match(r"unix(-abstract)?:", target):
        return True
    rest = re.sub(r"^(dns:(///)?|ipv4:|ipv6:)", "", target)
    found = re.fullmatch(r"(?:\[([^\]]*)\]|([^:/,]+))(?::(\d+))?", rest)
    host = (found[1] or found[2]) if found else rest
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def channel_options(settings: Settings, target: str) -> list[tuple[str, object]]:
    """The options of the gRPC channel to one server. Those of the caller come last and win."""
    options: list[tuple[str, object]] = [
        # A frame that is sent twice would be REPLAYED.
        ("grpc.enable_retries", 0),
        ("grpc.max_receive_message_length", MAX_RESPONSE_BYTES),
        ("grpc.keepalive_time_ms", 10_000),
        ("grpc.keepalive_timeout_ms", 8_000),
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 1_000),
        ("grpc.use_local_subchannel_pool", 1),
    ]
    if is_loopback(target):
        # A proxy could not reach this machine, whatever the environment says.
        options.append(("grpc.enable_http_proxy", 0))
    if target.startswith("dns:"):
        options.append(("grpc.service_config", '{"loadBalancingConfig": [{"round_robin": {}}]}'))
    return [*options, *settings.options]


def channel_credentials(tls: Tls) -> grpc.ChannelCredentials:
    return grpc.ssl_channel_credentials(tls.ca, tls.private_key, tls.certificate)


class Servers:
    """The servers of a channel, in turn. One that could not be reached is passed over for a while."""

    _AWAY = 2.0

    def __init__(self, count: int) -> None:
        self.count = count
        self._turn = random.randrange(count)
        self._away_until = [0.0] * count

    def next(self) -> int:
        """The index of the server for the next attempt."""
        if self.count == 1:
            return 0
        now = time.monotonic()
        self._turn += 1
        order = [(self._turn + step) % self.count for step in range(self.count)]
        return next(
            (each for each in order if self._away_until[each] <= now), min(order, key=self._away_until.__getitem__)
        )

    def is_away(self, server: int) -> None:
        if self.count > 1:
            self._away_until[server] = time.monotonic() + self._AWAY


logger = logging.getLogger("sealwire")
