"""What a message says of the file that it carries, as needed to fetch it."""

from dataclasses import dataclass, field

from .kinds import MediaKind


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReference:
    """Where a file lies, its key, and what it must be. Comes from the sender, unchecked.

    `encrypted_digest` may be empty, `length` is None where the sender named none.
    """

    kind: MediaKind
    media_key: bytes = field(repr=False)
    digest: bytes = field(repr=False)
    encrypted_digest: bytes = field(default=b"", repr=False)
    length: int | None = None
    direct_path: str = field(default="", repr=False)
    url: str = field(default="", repr=False)
