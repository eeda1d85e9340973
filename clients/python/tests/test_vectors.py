"""The test vectors of the protocol, from the repository or from the folder in SEALWIRE_VECTORS."""

import hmac
import os
from pathlib import Path

import pytest
from vectors import FILES, disagreements

from sealwire import signing

VECTORS = Path(os.environ.get("SEALWIRE_VECTORS", Path(__file__).parents[3] / "test" / "vectors"))
LEAST_CASES = {"requests": 60, "responses": 40, "sizes": 20, "keys": 10, "definitions": 20}


@pytest.mark.parametrize("name", FILES)
def test_every_vector_agrees(name: str) -> None:
    count, wrong = disagreements(VECTORS, name)
    assert wrong == {}
    assert count >= LEAST_CASES.get(name, 5)


def test_a_wrong_signer_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    right = signing.mac

    def wrong(key: bytes | signing.MacKey, *parts: bytes) -> bytes:
        return right(key, *(b"response" if part == b"request" else part for part in parts))

    monkeypatch.setattr(signing, "mac", wrong)
    _, caught = disagreements(VECTORS, "requests")
    assert "signature" in caught[1]


def test_a_wrong_verifier_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hmac, "compare_digest", lambda _one, _other: True)
    _, caught = disagreements(VECTORS, "responses")
    assert any("verdict" in mistakes for mistakes in caught.values())
