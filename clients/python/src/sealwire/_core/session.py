"""What all operations of one channel share."""

from sealwire._core.contract import ContractCache
from sealwire._core.settings import Servers, Settings
from sealwire._core.signer import Signer


class Session:
    """The settings of a channel with its state: the clock, the servers that are away, the contract."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.signer = Signer(settings.credentials)
        self.servers = Servers(len(settings.targets))
        self.contracts = ContractCache(settings.pins)
