"""First bytes of values on the wire, and the limits of the format."""

from typing import Final

# Bytes below 236 are single-byte tokens; 236 to 239 name one of four dictionaries.
LIST_EMPTY: Final = 0
DICTIONARY_0: Final = 236
INTEROP_JID: Final = 245
FB_JID: Final = 246
AD_JID: Final = 247
LIST_8: Final = 248
LIST_16: Final = 249
JID_PAIR: Final = 250
HEX_8: Final = 251
BINARY_8: Final = 252
BINARY_20: Final = 253
BINARY_32: Final = 254
NIBBLE_8: Final = 255

# A frame's flag byte has this bit when the rest is a zlib stream.
COMPRESSED: Final = 0x02

MAX_LIST: Final = 0xFFFF
# Characters; longer text of digits goes as UTF-8.
MAX_PACKED: Final = 127
MAX_AD_DEVICE: Final = 0xFF

# Limits of our own against a hostile peer, far above what real stanzas need.
MAX_DEPTH: Final = 128
MAX_NODES: Final = 1 << 18
MAX_INFLATED: Final = 16 << 20
