"""Credentials from files, from the environment and from memory."""

import json
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from peer import FIELDS, Peer
from sides import caller

from sealwire import Credentials, CredentialsError
from sealwire._core import credentials_source
from sealwire._core.credentials_source import FileCredentials

WHOLE = {"address": "127.0.0.1:50051", **FIELDS}
OTHER_KEY = "sws_" + "A" * 43


def write(path: Path, content: object, mode: int = 0o600) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    path.chmod(mode)
    return path


def test_a_file_is_read(tmp_path: Path) -> None:
    credentials = Credentials.load(write(tmp_path / "client.json", {**WHOLE, "more": 1}))
    assert (credentials.client_id, len(credentials.request_key)) == ("tests", 32)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"client_id": None}, "client_id is missing"),
        ({"key_id": 7}, "key_id must be"),
        ({"server_id": ""}, "server_id must be"),
        ({"server_fingerprint": "12"}, "server_fingerprint must be 32 hex digits"),
        ({"request_key": FIELDS["request_key"][:20]}, "request_key must be sws_"),
        ({"response_key": FIELDS["request_key"]}, "response_key must be swr_"),
        ({"address": "a\nb"}, "address must be"),
    ],
)
def test_what_is_wrong_is_named_and_no_key_is_shown(changes: dict[str, Any], named: str) -> None:
    fields = {key: value for key, value in {**WHOLE, **changes}.items() if value is not None}
    with pytest.raises(CredentialsError, match=named) as raised:
        Credentials.from_mapping(fields)
    for key in (FIELDS["request_key"], FIELDS["response_key"]):
        assert key[4:24] not in str(raised.value)


@pytest.mark.parametrize(
    "content", ["{", "[]", "[" * 100_000, '{"request_key": "sws_Xwg8j83C9jtDxDUPMzPVyWyRqbeTAE2U" oh}']
)
def test_what_is_no_object_is_refused(content: str, tmp_path: Path) -> None:
    with pytest.raises(CredentialsError, match=r"client\.json") as raised:
        Credentials.load(write(tmp_path / "client.json", content))
    assert "Xwg8j83C9jtDxDUPMzPVyWyRqbeTAE2U" not in f"{raised.value!r} {raised.value.__cause__!r}"


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CredentialsError, match=r"mode 0644.*\nchmod 600 "):
        Credentials.load(write(tmp_path / "client.json", WHOLE, 0o644))
    with pytest.raises(CredentialsError, match="no such file"):
        Credentials.load(tmp_path / "absent.json")


def test_no_text_form_shows_a_key() -> None:
    credentials = Credentials.from_mapping(WHOLE)
    shown = f"{credentials} {credentials!r} {credentials.request_mac!r}"
    assert FIELDS["request_key"][4:24] not in shown
    assert repr(credentials.request_key)[2:20] not in shown


def test_the_environment_gives_a_path_or_each_field(tmp_path: Path) -> None:
    path = write(tmp_path / "client.json", WHOLE)
    named = {"SEALWIRE_CREDENTIALS": str(path), "SEALWIRE_ADDRESS": "127.0.0.1:7"}
    assert Credentials.from_environment(named).address == "127.0.0.1:7"
    each = {f"SEALWIRE_{name.upper()}": value for name, value in WHOLE.items()}
    assert Credentials.from_environment(each) == Credentials.from_mapping(WHOLE)
    del each["SEALWIRE_KEY_ID"]
    with pytest.raises(CredentialsError, match=r"SEALWIRE_CREDENTIALS.*SEALWIRE_KEY_ID"):
        Credentials.from_environment(each)


def replace(path: Path, fields: object, mode: int = 0o600) -> None:
    other = write(path.with_suffix(".next"), fields, mode)
    os.replace(other, path)


def test_a_changed_file_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials_source, "_LOOK_INTERVAL", 0.0)
    path = write(tmp_path / "client.json", WHOLE)
    source = FileCredentials(path)
    first = source.current()
    replace(path, {**WHOLE, "key_id": "k_next", "request_key": OTHER_KEY})
    assert source.current().key_id == "k_next"
    replace(path, "{")
    assert source.current().key_id == "k_next"
    replace(path, {**WHOLE, "client_id": "another"})
    assert source.current().key_id == "k_next"
    assert first.key_id == "k_tests"


def test_refused_credentials_are_replaced_by_the_file_or_the_ones_before(tmp_path: Path) -> None:
    path = write(tmp_path / "client.json", WHOLE)
    source = FileCredentials(path)
    first = source.current()
    assert not source.renew(first)
    replace(path, {**WHOLE, "key_id": "k_next"})
    assert source.renew(first)
    second = source.current()
    assert second.key_id == "k_next"
    # The server does not know the new key yet: the previous one is used for a while.
    assert source.renew(second)
    assert source.current() is first
    assert source.renew(first)
    assert source.current() is second
    assert not source.renew(second)


def test_a_look_at_the_file_is_rare(tmp_path: Path) -> None:
    path = write(tmp_path / "client.json", WHOLE)
    source = FileCredentials(path)
    replace(path, {**WHOLE, "key_id": "k_next"})
    assert source.current().key_id == "k_tests"
    source._looked_at = time.monotonic() - 2
    assert source.current().key_id == "k_next"


@pytest.mark.parametrize("side", ["sync", "aio"])
def test_credentials_from_a_pipe_are_read_once(
    side: str, peer: Peer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opening the pipe of a command again would wait for another writer."""
    monkeypatch.setattr(credentials_source, "_LOOK_INTERVAL", 0.0)
    path = tmp_path / "pipe"
    os.mkfifo(path, 0o600)

    def write_late() -> None:
        with path.open("w") as pipe:
            time.sleep(0.1)
            pipe.write(json.dumps({**WHOLE, "address": peer.address}))

    threading.Thread(target=write_late, daemon=True).start()
    totals: list[float] = []

    def call_twice() -> None:
        with caller(side, path) as calls:
            totals.extend(calls.batch_sum([number], timeout=5).total for number in (1, 2))

    calling = threading.Thread(target=call_twice, daemon=True)
    calling.start()
    calling.join(10)
    assert totals == [1, 2]
