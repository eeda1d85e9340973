"""Reads a client's credentials file."""

import base64
import json
import os
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Credentials:
    """The ids of client, key and server, the address, and both keys. The text form omits the keys."""

    address: str
    server_id: str
    server_fingerprint: str
    client_id: str
    key_id: str
    request_key: bytes = field(repr=False)
    response_key: bytes = field(repr=False)

    @classmethod
    def load(cls, path: str) -> "Credentials":
        with open(path, encoding="utf-8") as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                raise PermissionError(f"{path} is secret, but others can read it: chmod 600 {path}")
            fields = json.load(file)
        request_key = decode_key(fields.pop("request_key"), "sws_")
        response_key = decode_key(fields.pop("response_key"), "swr_")
        return cls(**fields, request_key=request_key, response_key=response_key)


def decode_key(text: str, prefix: str) -> bytes:
    digits = text.removeprefix(prefix)
    key = base64.urlsafe_b64decode(digits + "=" * (-len(digits) % 4))
    written = prefix + base64.urlsafe_b64encode(key).decode().rstrip("=")
    if written != text or not 32 <= len(key) <= 1024:
        raise ValueError(f"not a key: {prefix} and 32 to 1024 bytes in base64url are expected")
    return key
