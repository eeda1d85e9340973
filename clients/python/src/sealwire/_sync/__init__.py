"""The synchronous side."""
