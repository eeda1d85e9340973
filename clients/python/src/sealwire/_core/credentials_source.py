"""Credentials that may be replaced while a channel uses them."""

import logging
import os
import stat
import threading
import time
from pathlib import Path
from typing import Protocol

from sealwire.credentials import Credentials, CredentialsError, file_version, load_file

_logger = logging.getLogger("sealwire")

# Seconds between two looks at the file, unless the server has refused its credentials.
_LOOK_INTERVAL = 1.0
# Time in which new credentials may be unknown to a server, such as one whose key ring is mounted.
_SETTLING = 120.0
# How long the previous credentials are used again after new ones were refused in that time.
_FALLBACK = 5.0


class CredentialsSource(Protocol):
    """Gives the credentials for each attempt."""

    def current(self) -> Credentials:
        """Returns the credentials for the next attempt."""

    def renew(self, used: Credentials) -> bool:
        """Called when a server has refused `used`. Returns true if `current` now returns others."""


class FixedCredentials:
    """Credentials that do not change."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def current(self) -> Credentials:
        return self._credentials

    def renew(self, used: Credentials) -> bool:
        return False


class FileCredentials:
    """Reads a credentials file, and reads it again when it has changed: within a second or two of use, and before a
    call fails because its key is refused. While servers do not know a new key yet, the previous one is used. A file
    that cannot be used is logged, and the previous credentials stay in use. A changed address takes effect with the
    next channel."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._newest, self._version = load_file(path)
        self._used = self._newest
        self._before: Credentials | None = None
        self._settled_at = self._newest_at = 0.0
        self._looked_at = time.monotonic()
        self._lock = threading.Lock()

    def current(self) -> Credentials:
        now = time.monotonic()
        if now - self._looked_at >= _LOOK_INTERVAL:
            with self._lock:
                if now - self._looked_at >= _LOOK_INTERVAL:
                    self._look()
        if self._used is not self._newest and now >= self._newest_at:
            self._used = self._newest
        return self._used

    def renew(self, used: Credentials) -> bool:
        with self._lock:
            if self._used is used:
                self._look()
            return self._used is not used or self._switch_from(used)

    def _switch_from(self, refused: Credentials) -> bool:
        """Switches between the newest credentials and the ones before. False if there are no others to try."""
        now = time.monotonic()
        if refused is self._newest:
            if self._before is None or now >= self._settled_at:
                return False
            self._used = self._before
            self._newest_at = now + _FALLBACK
        else:
            self._before = None
            self._used = self._newest
            self._newest_at = now
        return True

    def _look(self) -> None:
        """Reads the file if it has changed. While it is replaced, a file may be missing for a moment."""
        self._looked_at = time.monotonic()
        try:
            status = os.stat(self._path)
            version = file_version(status)
            # A pipe gives its content once, and opening it again may wait for ever.
            if version == self._version or not stat.S_ISREG(status.st_mode):
                return
            self._version = version
            credentials, self._version = load_file(self._path)
            if credentials != self._newest:
                self._adopt(credentials)
        except FileNotFoundError:
            self._version = ""
        except (CredentialsError, OSError) as error:
            if isinstance(error.__cause__, OSError):
                self._version = ""
            if not isinstance(error.__cause__, FileNotFoundError):
                _logger.warning(
                    "%s has changed and cannot be used; the previous credentials stay: %s", self._path, error
                )

    def _adopt(self, credentials: Credentials) -> None:
        newest = self._newest
        # Other clients have other jobs and request ids, so handles and retries would not find theirs.
        if (credentials.client_id, credentials.server_id) != (newest.client_id, newest.server_id):
            raise CredentialsError(
                f"The new credentials are those of client {credentials.client_id} for server {credentials.server_id},"
                f" not of {newest.client_id} for {newest.server_id}. Open a channel of its own with them."
            )
        now = time.monotonic()
        self._before = self._used
        self._settled_at = now + _SETTLING
        self._newest_at = now
        self._newest = self._used = credentials
        _logger.info("credentials were read again: %s, key id %s", self._path, credentials.key_id)
