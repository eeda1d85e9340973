"""A client's credentials: who it is, which server it calls, and both keys (docs/protocol.md, Keys)."""

import json
import os
import re
import shlex
import stat
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sealwire.signing import REQUEST_KEY_PREFIX, RESPONSE_KEY_PREFIX, MacKey, read_key

_IDENTIFIER = re.compile(r"[!-~]{1,128}")
_FINGERPRINT = re.compile(r"[0-9a-f]{32}")
_ADDRESS = re.compile(r"[^\x00-\x1f\x7f-\x9f]+")

_VARIABLES = {
    "address": "SEALWIRE_ADDRESS",
    "server_id": "SEALWIRE_SERVER_ID",
    "server_fingerprint": "SEALWIRE_SERVER_FINGERPRINT",
    "client_id": "SEALWIRE_CLIENT_ID",
    "key_id": "SEALWIRE_KEY_ID",
    "request_key": "SEALWIRE_REQUEST_KEY",
    "response_key": "SEALWIRE_RESPONSE_KEY",
}


class CredentialsError(ValueError):
    """Credentials that cannot be used. The message names the field and what to do; it never holds a key."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """The ids, the address and the two keys with which a client calls a server. Its text form omits the keys."""

    address: str
    """`host:port`, `unix:/path` or `dns:///host:port`; several, separated by commas, are replicas of one server."""
    server_id: str
    server_fingerprint: str
    """32 hex digits that name the server's secret, as the tool `server_identity` answers."""
    client_id: str
    key_id: str
    request_key: bytes = field(repr=False)
    """Signs requests."""
    response_key: bytes = field(repr=False)
    """Verifies answers."""
    request_mac: MacKey = field(init=False, repr=False, compare=False)
    """The request key, ready for use."""
    response_mac: MacKey = field(init=False, repr=False, compare=False)
    """The response key, ready for use."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "request_mac", MacKey(self.request_key))
        object.__setattr__(self, "response_mac", MacKey(self.response_key))

    @classmethod
    def from_mapping(cls, fields: Mapping[str, object], name: str = "The credentials") -> "Credentials":
        """Makes credentials of the members of a credentials file. Members that it does not know are ignored.

        `name` is the subject of error messages. Raises CredentialsError.
        """

        def text(key: str, pattern: re.Pattern[str], expected: str) -> str:
            value = fields.get(key)
            if value is None:
                raise CredentialsError(f"{name} are refused: the field {key} is missing; it must be {expected}.")
            if not isinstance(value, str) or not pattern.fullmatch(value):
                raise CredentialsError(f"{name} are refused: the field {key} must be {expected}.")
            return value

        def key(key: str, prefix: str) -> bytes:
            value = fields.get(key)
            if value is None:
                raise CredentialsError(f"{name} are refused: the field {key} is missing; it begins with {prefix}.")
            try:
                return read_key(value if isinstance(value, str) else "", prefix)
            except ValueError as error:
                raise CredentialsError(f"{name} are refused: the field {key} {error}.") from None

        identifier = "1 to 128 printable ASCII characters without spaces"
        return cls(
            address=text("address", _ADDRESS, 'an address to call, such as "127.0.0.1:50051"'),
            server_id=text("server_id", _IDENTIFIER, identifier),
            server_fingerprint=text("server_fingerprint", _FINGERPRINT, "32 hex digits"),
            client_id=text("client_id", _IDENTIFIER, identifier),
            key_id=text("key_id", _IDENTIFIER, identifier),
            request_key=key("request_key", REQUEST_KEY_PREFIX),
            response_key=key("response_key", RESPONSE_KEY_PREFIX),
        )

    @classmethod
    def from_json(cls, content: str | bytes, name: str = "The credentials") -> "Credentials":
        """Parses the content of a credentials file. Raises CredentialsError."""
        try:
            fields = json.loads(content)
        except (ValueError, RecursionError):
            # The decoder's own message could quote a key.
            raise CredentialsError(f"{name} are refused: they are not valid JSON.") from None
        if not isinstance(fields, dict):
            raise CredentialsError(f"{name} are refused: they must be a JSON object.")
        return cls.from_mapping(fields, name)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Credentials":
        """Reads a credentials file. Raises CredentialsError, also if users other than its owner can read it."""
        return load_file(Path(path))[0]

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> "Credentials":
        """Reads the credentials from environment variables, by default those of this process.

        SEALWIRE_CREDENTIALS is the path of a file, whose address SEALWIRE_ADDRESS replaces. Without it, each field has
        a variable: SEALWIRE_ADDRESS, SEALWIRE_SERVER_ID, SEALWIRE_SERVER_FINGERPRINT, SEALWIRE_CLIENT_ID,
        SEALWIRE_KEY_ID, SEALWIRE_REQUEST_KEY and SEALWIRE_RESPONSE_KEY. Raises CredentialsError.
        """
        variables = os.environ if environment is None else environment
        path = variables.get("SEALWIRE_CREDENTIALS")
        if path:
            credentials = cls.load(path)
            address = variables.get("SEALWIRE_ADDRESS")
            return credentials.at(address) if address else credentials
        missing = [variable for variable in _VARIABLES.values() if not variables.get(variable)]
        if missing:
            raise CredentialsError(
                f"The environment holds no credentials: set SEALWIRE_CREDENTIALS to the path of a credentials file, or"
                f" also set {', '.join(missing)}."
            )
        fields = {name: variables[variable] for name, variable in _VARIABLES.items()}
        return cls.from_mapping(fields, "The credentials in the environment")

    def at(self, address: str) -> "Credentials":
        """Returns the same credentials with another address."""
        fields = {name: getattr(self, name) for name in _VARIABLES}
        return Credentials(**(fields | {"address": address}))


def load_file(path: Path) -> tuple[Credentials, str]:
    """Reads a credentials file, and the version of the file (see `file_version`). Raises CredentialsError."""
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if others_can_read(status):
                mode = f"{stat.S_IMODE(status.st_mode):04o}"
                raise CredentialsError(
                    f"The credentials file {path} has mode {mode}: users other than its owner can read its secrets.\n"
                    f"chmod 600 {shlex.quote(str(path))}"
                )
            content = file.read()
    except OSError as error:
        problem = (
            "there is no such file" if isinstance(error, FileNotFoundError) else f"it cannot be read ({error.strerror})"
        )
        raise CredentialsError(f"The credentials file {path.absolute()} is needed, but {problem}.") from error
    return Credentials.from_json(content, f"The credentials in {path}"), file_version(status)


def file_version(status: os.stat_result) -> str:
    """Identifies the version of a file without reading it. It changes with the content, the mode and the file
    itself."""
    return f"{status.st_dev}:{status.st_ino}:{status.st_ctime_ns}:{status.st_mtime_ns}:{status.st_size}"


def others_can_read(status: os.stat_result) -> bool:
    """True if a file of secrets is open to others. A file of root may be readable for the group of another reader."""
    if sys.platform == "win32":  # It has no such modes.
        return False
    of_root_for_group = status.st_uid == 0 and os.geteuid() != 0
    return status.st_mode & (0o037 if of_root_for_group else 0o077) != 0
