"""The notes file: one JSON object a line, with the text of a note and the idempotency key of the call that added it."""

import json
import os
from pathlib import Path


class Notes:
    """Adds notes to a file. Remembers their keys, also after a restart."""

    def __init__(self, path: Path) -> None:
        self.file = path.open("a+b")
        self.numbers: dict[str, int] = {}
        self.count = 0
        self.file.seek(0)
        size = 0
        for line in self.file:
            if not line.endswith(b"\n"):
                break
            size += len(line)
            self.remember(json.loads(line).get("key"))
        # A crash can leave a part of a line, of a note that nobody was told about.
        self.file.truncate(size)

    def add(self, text: str, key: str | None) -> int:
        """Returns the number of the note, which is on disk then. The note of a known key is not added again."""
        if key is not None and key in self.numbers:
            return self.numbers[key]
        note = {"key": key, "text": text}
        self.file.write(json.dumps(note).encode() + b"\n")
        self.file.flush()
        os.fsync(self.file.fileno())
        return self.remember(key)

    def remember(self, key: str | None) -> int:
        self.count += 1
        if key is not None:
            self.numbers[key] = self.count
        return self.count
