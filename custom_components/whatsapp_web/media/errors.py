"""What can be wrong with a medium before it is sent."""

from typing import Final

from homeassistant.exceptions import ServiceValidationError

from ..const import DOMAIN

# Keys of the translations, all behind `media_`.
ABSENT_FFMPEG: Final = "media_no_ffmpeg"


class MediaUnusable(ServiceValidationError):
    """A medium can't be sent; the translation says why."""

    def __init__(self, key: str, **placeholders: str) -> None:
        """Name the reason: a key of the translated exceptions."""
        super().__init__(
            translation_domain=DOMAIN,
            translation_key=key,
            translation_placeholders=placeholders,
        )
