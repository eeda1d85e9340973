"""The options of channels."""

from typing import Any

import pytest
from peer import FIELDS

import sealwire
from sealwire._core.settings import Servers, is_loopback

CREDENTIALS = sealwire.Credentials.from_mapping({"address": "127.0.0.1:50051", **FIELDS})


@pytest.mark.parametrize(
    "target",
    [
        "127.0.0.1:1",
        "localhost:1",
        "[::1]:1",
        "unix:/run/a.sock",
        "unix-abstract:a",
        "dns:///localhost:1",
        "ipv4:127.0.0.9:1",
    ],
)
def test_loopback_is_known(target: str) -> None:
    assert is_loopback(target)


@pytest.mark.parametrize(
    "target", ["192.0.2.1:1", "example.com:1", "dns://8.8.8.8/localhost:1", "ipv4:127.0.0.1:1,192.0.2.1:1", ""]
)
def test_what_may_leave_the_machine_is_known(target: str) -> None:
    assert not is_loopback(target)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"address": "192.0.2.1:1"}, "Without TLS"),
        ({"address": "127.0.0.1:1, example.com:1"}, r"example\.com:1"),
        ({"address": " , "}, "address"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": 90_000}, "timeout"),
        ({"heartbeat_interval": 0.05}, "heartbeat_interval"),
        ({"retry": sealwire.Retry(max_attempts=0)}, "retry"),
        ({"tls": sealwire.Tls(certificate=b"x")}, r"tls\.private_key"),
    ],
)
def test_options_that_cannot_be_used_are_named(options: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        sealwire.channel(CREDENTIALS, **options)


def test_plain_text_beyond_this_machine_can_be_allowed() -> None:
    sealwire.channel(CREDENTIALS, address="192.0.2.1:1", allow_plaintext_on_the_network=True).close()


def test_tls_shows_no_key() -> None:
    assert "secret" not in repr(sealwire.Tls(certificate=b"cert", private_key=b"secret"))


def test_a_server_that_is_away_is_passed_over() -> None:
    servers = Servers(2)
    first, second = servers.next(), servers.next()
    assert {first, second} == {0, 1}
    servers.is_away(first)
    assert {servers.next() for _ in range(4)} == {second}
    servers.is_away(second)
    assert servers.next() in (0, 1)
