"""Ends streams that are silent for too long."""

import threading
import time
from collections.abc import Callable


class Watchdog:
    """Cancels reads that take too long. Its thread runs only while something is read."""

    _TICK = 0.25

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reads: dict[object, tuple[float, Callable[[], object]]] = {}
        self._is_running = False

    def begin(self, key: object, seconds: float, cancel: Callable[[], object]) -> None:
        """Calls `cancel` in that time, unless `end` is called before."""
        with self._lock:
            self._reads[key] = (time.monotonic() + seconds, cancel)
            if not self._is_running:
                self._is_running = True
                threading.Thread(target=self._watch, name="sealwire-watchdog", daemon=True).start()

    def end(self, key: object) -> bool:
        """True if the read was in time."""
        with self._lock:
            return self._reads.pop(key, None) is not None

    def _watch(self) -> None:
        while True:
            time.sleep(self._TICK)
            now = time.monotonic()
            with self._lock:
                late = [key for key, (until, _) in self._reads.items() if until <= now]
                cancels = [self._reads.pop(key)[1] for key in late]
                is_over = not self._reads
                self._is_running = not is_over
            for cancel in cancels:
                cancel()
            if is_over:
                return
