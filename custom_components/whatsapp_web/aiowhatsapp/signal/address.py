"""The local name of a peer's device, under which its sessions are kept."""

from dataclasses import dataclass

from ..errors import StoreCorrupt


@dataclass(frozen=True, slots=True, order=True)
class SignalAddress:
    """A Signal name (user part with its domain suffix) and a device number."""

    name: str
    device: int

    @classmethod
    def parse(cls, text: str) -> SignalAddress:
        """Read the text form; raise `StoreCorrupt` when it is not one."""
        name, dot, device = text.rpartition(".")
        if not (dot and device.isascii() and device.isdecimal()):
            raise StoreCorrupt("Not a Signal address")
        return cls(name, int(device))

    def __str__(self) -> str:
        """Give the text form, `name.device`."""
        return f"{self.name}.{self.device}"
