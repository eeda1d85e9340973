"""Checks the assertion of a call: Sealwire's signature for this client, this tool and these arguments."""

import base64
import hashlib
import sys
import time
from pathlib import Path

import jwt

from metadata import Call

LIFETIME_S = 60
LEEWAY_S = 5
REQUIRED = ["aud", "exp", "sub", "jti", "tool", "attempt", "args_sha256"]
# The tool of each method. Without it an assertion for one tool would do for another one that takes the same bytes.
TOOLS = {"AddNote": "add_note", "CountWords": "count_words", "HashPages": "hash_pages"}


class Refused(Exception):
    """The assertion does not hold. The text says why."""


class Verifier:
    """Checks assertions with the keys of a JWKS file, which is read again when it changes. Accepts each one once."""

    def __init__(self, jwks: Path, audience: str) -> None:
        self.jwks = jwks
        self.audience = audience
        self.version = self.file_version()
        self.keys = self.read_keys()
        self.used: dict[str, float] = {}

    def check(self, call: Call, request: bytes) -> None:
        """Raises Refused unless the assertion holds for the call and for the serialized request, as it was received."""
        if call.assertion is None:
            raise Refused("missing")
        try:
            key = self.key(jwt.get_unverified_header(call.assertion).get("kid"))
            claims = jwt.decode(
                call.assertion,
                key,
                algorithms=["ES256"],
                audience=self.audience,
                leeway=LEEWAY_S,
                options={"require": REQUIRED},
            )
        except jwt.InvalidTokenError as error:
            raise Refused(str(error)) from None
        now_s = time.time()
        if claims["exp"] > now_s + LIFETIME_S + LEEWAY_S:
            raise Refused(f"it is valid for more than {LIFETIME_S} s")
        if claims["sub"] != call.client:
            raise Refused("sub is not sealwire-client-id")
        if claims["tool"] != call.tool or call.tool != TOOLS[call.method]:
            raise Refused(f"tool is not sealwire-tool, or not the tool of {call.method}")
        if claims["attempt"] != call.attempt:
            raise Refused("attempt is not sealwire-attempt")
        digest = base64.urlsafe_b64encode(hashlib.sha256(request).digest()).rstrip(b"=").decode()
        if claims["args_sha256"] != digest:
            raise Refused("args_sha256 is not the hash of the request")
        self.use(claims["jti"], claims["exp"], now_s)

    def use(self, jti: str, exp_s: float, now_s: float) -> None:
        self.used = {used: until_s for used, until_s in self.used.items() if until_s >= now_s}
        if jti in self.used:
            raise Refused("jti was used before")
        self.used[jti] = exp_s + LEEWAY_S

    def key(self, kid: str | None) -> jwt.PyJWK:
        version = self.file_version()
        if version != self.version:
            self.version = version
            try:
                self.keys = self.read_keys()
            except (OSError, ValueError, jwt.PyJWTError) as error:
                print(f"{self.jwks}: {error}; the keys read before stay in use", file=sys.stderr)
        if kid is None or kid not in self.keys:
            raise Refused("kid names no key of the JWKS file")
        return self.keys[kid]

    def read_keys(self) -> dict[str, jwt.PyJWK]:
        keys = jwt.PyJWKSet.from_json(self.jwks.read_text()).keys
        return {key.key_id: key for key in keys if key.key_id is not None}

    def file_version(self) -> tuple[int, int, int] | None:
        try:
            status = self.jwks.stat()
        except FileNotFoundError:
            return None
        return status.st_ino, status.st_size, status.st_mtime_ns
