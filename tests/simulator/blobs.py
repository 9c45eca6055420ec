"""Parts of app state and history that lie on the media hosts."""

import os
from typing import TYPE_CHECKING

from custom_components.whatsapp_web.aiowhatsapp.media.cipher import FileEncryptor
from custom_components.whatsapp_web.aiowhatsapp.media.keys import derive_keys
from custom_components.whatsapp_web.aiowhatsapp.media.kinds import MediaKind
from custom_components.whatsapp_web.aiowhatsapp.media.reference import FileReference

if TYPE_CHECKING:
    from .server import Simulator


def store_blob(server: Simulator, kind: MediaKind, content: bytes) -> FileReference:
    """Encrypt something and leave it at the host, as its author would."""
    media_key = os.urandom(32)
    encryptor = FileEncryptor(derive_keys(media_key, kind))
    sealed = encryptor.update(content) + encryptor.finish()
    digests = encryptor.digests()
    stored = server.media.put(kind.mms_type, sealed)
    return FileReference(
        kind=kind,
        media_key=media_key,
        digest=digests.plain,
        encrypted_digest=digests.encrypted,
        length=digests.length,
        direct_path=stored.direct_path,
    )
