"""The metadata of calls and errors."""

import grpc.aio


class Metadata(grpc.aio.Metadata):
    """Metadata of which `dict` makes a dictionary in every version of grpcio, as it does of the synchronous side's."""

    def keys(self) -> list[str]:  # type: ignore[override]
        return [key for key, _ in self]
