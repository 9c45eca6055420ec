"""A WhatsApp server with phones, on loopback, with its own trust root.

It speaks for itself: its own Noise responder and certificate chain, accounts, devices,
prekeys and queues. From the client under test it borrows only the node codec, the
primitives and the Signal ratchet (for the phones' own sessions); two clients nobody
here wrote prove it before ours is measured by it.
"""

from .server import Simulator

__all__ = ["Simulator"]
